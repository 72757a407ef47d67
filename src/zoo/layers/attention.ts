import type { Value } from "../../ir/value.ts";
import type { Module, Scope } from "../scope.ts";
import { mergeHeads, splitHeads } from "./heads.ts";
import { linear } from "./linear.ts";
import { split } from "./split.ts";

export interface AttentionOptions {
  readonly heads: number;
  readonly qkvBias?: boolean;
  readonly projBias?: boolean;
  /** Over the width of a head, on queries and keys (qk_norm). */
  readonly qkNorm?: Module | undefined;
  /** Over all heads, before the projection (scale_norm). */
  readonly outNorm?: Module | undefined;
}

/**
 * Multi-head self-attention of tokens [N, L, C] (timm's Attention; Vaswani et al. 2017, section 3.2). `qkv` packs the
 * queries, keys and values of all heads in this order; the heads must divide C.
 */
export const attention =
  ({ heads, qkvBias = false, projBias = true, qkNorm, outNorm }: AttentionOptions): Module =>
  (s, x) => {
    const width = s.features(x);
    const packed = s.call("qkv", linear(3 * width, { bias: qkvBias }), x);
    const mixed = multiHeadMix(s, split(s, packed, [width, width, width]), { heads, qkNorm });
    return s.chain(mixed, { norm: outNorm, proj: linear(width, { bias: projBias }) });
  };

interface MixOptions extends Pick<AttentionOptions, "heads" | "qkNorm"> {
  /** Added to the scores, [..., heads, L, S]. */
  readonly bias?: Value | undefined;
  /** What queries and keys [N, heads, L, d] pass last, such as a rotation. */
  readonly turn?: ((x: Value) => Value) | undefined;
}

/** What attention does between its projections: queries [N, L, C], keys and values [N, S, C] to [N, L, C]. */
export const multiHeadMix = (s: Scope, qkv: readonly [Value, Value, Value], o: MixOptions): Value =>
  mergeHeads(s, mixByHead(s, qkv, o));

/** The same, with the heads apart: [N, heads, L, d]. */
export function mixByHead(
  s: Scope,
  [q, k, v]: readonly [Value, Value, Value],
  { heads, qkNorm, bias, turn = (x) => x }: MixOptions,
): Value {
  const queries = s.chain(splitHeads(s, q, heads), { q_norm: qkNorm });
  const keys = s.chain(splitHeads(s, k, heads), { k_norm: qkNorm });
  const values = splitHeads(s, v, heads);
  return s.attention(turn(queries), turn(keys), values, bias, { scale: (s.features(q) / heads) ** -0.5 });
}
