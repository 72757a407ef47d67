import type { Value } from "../../ir/value.ts";
import type { Module, Scope } from "../scope.ts";
import type { AttentionOptions } from "./attention.ts";
import { mergeHeads, splitHeads } from "./heads.ts";
import { linear } from "./linear.ts";
import { rmsNorm } from "./norm.ts";
import { split } from "./split.ts";

interface DiffOptions extends AttentionOptions {
  /** The index of the block: deeper ones subtract more. */
  readonly depth: number;
}

/**
 * Differential attention (Ye et al. 2024, arXiv:2410.05258, eq. 1 to 3): every head has two softmax maps over half of
 * its width each, and the second is subtracted lambda times, so that what both attend to cancels.
 */
export const diffAttention =
  (options: DiffOptions): Module =>
  (s, x) => {
    const width = s.features(x);
    const packed = s.call("qkv", linear(3 * width, { bias: options.qkvBias ?? false }), x);
    const mixed = differentialMix(s, split(s, packed, [width, width, width]), options);
    return s.chain(mixed, { norm: options.outNorm, proj: linear(width, { bias: options.projBias ?? true }) });
  };

/**
 * What diffAttention does between its projections: queries, keys and values [N, L, C] to [N, L, C]. The maps are
 * subtracted before they meet the values: one product less than two attentions.
 */
export function differentialMix(
  s: Scope,
  [q, k, v]: readonly [Value, Value, Value],
  { heads, qkNorm, depth }: Pick<DiffOptions, "heads" | "qkNorm" | "depth">,
): Value {
  const half = s.features(q) / heads / 2;
  const [q1, q2] = headPairs(s, s.chain(splitHeads(s, q, 2 * heads), { q_norm: qkNorm }));
  const [k1, k2] = headPairs(s, s.chain(splitHeads(s, k, 2 * heads), { k_norm: qkNorm }));
  const map = (queries: Value, keys: Value): Value => {
    const scores = s.matmul(s.mul(queries, s.scalar(half ** -0.5)), s.transpose(keys, { perm: [0, 1, 3, 2] }));
    return s.softmax(scores, { axis: -1 });
  };
  const lambdaInit = 0.8 - 0.6 * Math.exp(-0.3 * depth);
  const difference = s.sub(map(q1, k1), s.mul(lambda(s, half, lambdaInit), map(q2, k2)));
  const mixed = s.matmul(difference, splitHeads(s, v, heads));
  const normed = s.call("sub_norm", rmsNorm(1e-5), mixed);
  return mergeHeads(s, s.mul(normed, s.scalar(1 - lambdaInit)));
}

/** [N, 2 h, L, d]: neighbouring heads are the two maps of one head. */
function headPairs(s: Scope, x: Value): readonly [Value, Value] {
  const [n = 1, heads = 1, l = 1, d = 1] = x.type.shape;
  const h = s.static(heads, "the number of heads") / 2;
  const [first, second] = split(s, s.reshape(x, { shape: [n, h, 2, l, d] }), [1, 1], 2);
  return [s.reshape(first, { shape: [n, h, l, d] }), s.reshape(second, { shape: [n, h, l, d] })];
}

/** exp(q1 . k1) - exp(q2 . k2) + the initial value (eq. 2). */
function lambda(s: Scope, width: number, initial: number): Value {
  const product = (i: 1 | 2): Value => {
    const terms = s.mul(s.param(`lambda_q${i}`, [width]), s.param(`lambda_k${i}`, [width]));
    return s.exp(s.reduce_sum(terms, { axes: [0] }));
  };
  return s.add(s.sub(product(1), product(2)), s.scalar(initial));
}
