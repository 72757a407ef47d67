import type { Module, Scope } from "../scope.ts";

/** Queries, keys and values of all heads from one layer `qkv`, whose keys have no bias: `q_bias` and `v_bias` are its own (BEiT). */
export const biasedQkv =
  (owner: Scope, width: number, bias: boolean): Module =>
  (s, x) => {
    const weight = s.param("weight", [3 * width, x.type.shape.at(-1) ?? 0]);
    if (!bias) return s.linear(x, weight, undefined);
    const keys = s.constant({ values: [0], shape: [width] });
    const all = owner.concat([owner.param("q_bias", [width]), keys, owner.param("v_bias", [width])], { axis: 0 });
    return s.linear(x, weight, all);
  };
