import type { Value } from "../../ir/value.ts";
import type { Module } from "../scope.ts";
import { mergeHeads, splitHeads } from "./heads.ts";
import { linear } from "./linear.ts";

/** The first of the tokens [N, L, C] attends to all of them, [N, 1, C] (Touvron et al. 2021, CaiT, eq. 6 to 9). */
export const classAttention =
  (heads: number, qkvBias: boolean): Module =>
  (s, x) => {
    const width = s.features(x);
    const first = s.slice(x, { axis: 1, range: [0, 1] });
    const project = (name: string, y: Value): Value =>
      splitHeads(s, s.call(name, linear(width, { bias: qkvBias }), y), heads);
    const mixed = s.attention(project("q", first), project("k", x), project("v", x), undefined, {
      scale: (width / heads) ** -0.5,
    });
    return s.call("proj", linear(width), mergeHeads(s, mixed));
  };
