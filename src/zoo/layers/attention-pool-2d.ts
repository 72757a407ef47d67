import type { Dim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Module, Scope } from "../scope.ts";
import type { HeadModule } from "./classifier-head.ts";
import type { Pair } from "./conv.ts";
import { mergeHeads, splitHeads } from "./heads.ts";
import { linear } from "./linear.ts";
import { toMap, toTokens } from "./patch-embed.ts";
import { resamplePosEmbed } from "./pos-embed.ts";
import { dropTokens, tokenAt } from "./tokens.ts";

interface AttentionPoolOptions {
  /** Width of attention, in heads of 64. */
  readonly width: number;
  /** Width of the projection; none at 0. */
  readonly classes: number;
  /** The map that the position embeddings are for; other maps resample them. */
  readonly size: Pair;
  /** The mean token alone, or with "" the map of all others. */
  readonly pool: "token" | "";
}

const headDim = 64;

/**
 * CLIP's pooling of a map by attention (Radford et al. 2021, arXiv:2103.00020, section 2.4; timm's AttentionPool2d with
 * separate queries, keys and values): the mean of all positions asks them.
 */
export const attentionPool2d =
  ({ width, classes, size, pool }: AttentionPoolOptions): HeadModule =>
  (s, x) => {
    const [, c = 1, h = 1, w = 1] = x.type.shape;
    const channels = s.static(c, "the width of attention");
    const tokens = toTokens(s, x);
    const mean = s.reduce_mean(tokens, { axes: [1], keep: true });
    const table = s.reshape(s.param("pos_embed", [size[0] * size[1] + 1, channels]), {
      shape: [1, size[0] * size[1] + 1, channels],
    });
    const embedded = s.add(s.concat([mean, tokens], { axis: 1 }), resamplePosEmbed(s, table, size, [h, w], 1));
    const part = (name: string): Value => splitHeads(s, s.call(name, linear(width), embedded), width / headDim);
    const mixed = mergeHeads(s, s.attention(part("q"), part("k"), part("v"), undefined, { scale: headDim ** -0.5 }));
    const kept = pool === "token" ? tokenAt(s, mixed, 0) : dropTokens(s, mixed, 1);
    const projected = s.chain(kept, { proj: classes > 0 ? linear(classes) : undefined });
    const asMap = pool === "token" ? keep : onGrid([h, w]);
    return { preLogits: asMap(s, kept), logits: asMap(s, projected) };
  };

const keep: Module = (_, x) => x;
const onGrid =
  (grid: readonly [Dim, Dim]) =>
  (s: Scope, tokens: Value): Value =>
    toMap(s, tokens, grid);
