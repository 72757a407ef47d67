import type { Value } from "../../ir/value.ts";
import type { Module } from "../scope.ts";
import { mergeChannels, splitChannels } from "./heads.ts";
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
    const width = s.features(x);
    const qkv = s.call("qkv", linear(3 * width, { bias: qkvBias }), x);
    const parts = split(s, qkv, [width, width, width]);
    const byHead = (y: Value): Value => splitChannels(s, y, heads);
    const [q, k, v] = [byHead(parts[0]), byHead(parts[1]), byHead(parts[2])];
    const queries = s.mul(unitLength(s, q), s.param("temperature", [heads, 1, 1]));
    const mixed = s.attention(queries, unitLength(s, k), v, undefined, { scale: 1 });
    return s.call("proj", linear(width), mergeChannels(s, mixed));
  };
