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

/** What attention does between its projections: queries, keys and values [N, L, C] to [N, L, C]. */
export function multiHeadMix(
  s: Scope,
  [q, k, v]: readonly [Value, Value, Value],
  { heads, qkNorm }: Pick<AttentionOptions, "heads" | "qkNorm">,
): Value {
  const width = s.features(q);
  const mixed = s.attention(
    s.chain(splitHeads(s, q, heads), { q_norm: qkNorm }),
    s.chain(splitHeads(s, k, heads), { k_norm: qkNorm }),
    splitHeads(s, v, heads),
    undefined,
    { scale: (width / heads) ** -0.5 },
  );
  return mergeHeads(s, mixed);
}
