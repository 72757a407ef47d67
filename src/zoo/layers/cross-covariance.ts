import type { Value } from "../../ir/value.ts";
import type { Module } from "../scope.ts";
import { linear } from "./linear.ts";
import { split } from "./split.ts";
import { unitLength } from "./unit-length.ts";

interface CrossCovarianceOptions {
  readonly heads: number;
  readonly qkvBias: boolean;
}

/**
 * Cross-covariance attention of tokens [N, L, C] (El-Nouby et al. 2021, XCiT, arXiv:2106.09681, eq. 3): channels attend to
 * channels; queries and keys are of unit length over the tokens, and a learned temperature scales their products.
 */
export const crossCovariance =
  ({ heads, qkvBias }: CrossCovarianceOptions): Module =>
  (s, x) => {
    const [n = 1, length = 1, c = 1] = x.type.shape;
    const width = s.static(c, "the width of attention");
    const qkv = s.call("qkv", linear(3 * width, { bias: qkvBias }), x);
    const [q, k, v] = split(s, qkv, [width, width, width]).map((y) =>
      s.transpose(s.reshape(y, { shape: [n, length, heads, width / heads] }), { perm: [0, 2, 3, 1] }),
    ) as [Value, Value, Value];
    const queries = s.mul(unitLength(s, q), s.param("temperature", [heads, 1, 1]));
    const mixed = s.attention(queries, unitLength(s, k), v, undefined, { scale: 1 });
    const tokens = s.reshape(s.transpose(mixed, { perm: [0, 3, 1, 2] }), { shape: [n, length, width] });
    return s.call("proj", linear(width), tokens);
  };
