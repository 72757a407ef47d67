import type { Module } from "../scope.ts";
import type { ActName } from "./act.ts";
import { multiHeadMix } from "./attention.ts";
import { mergeHeads, splitHeads } from "./heads.ts";
import { linear } from "./linear.ts";
import { mlp } from "./mlp.ts";
import { split } from "./split.ts";
import { tokenAt } from "./tokens.ts";

interface LatentPoolOptions {
  readonly heads: number;
  /** Width inside the MLP that follows. */
  readonly hidden: number;
  readonly norm?: Module | undefined;
  readonly act?: ActName;
}

/**
 * Attention pooling with a learned query (timm's AttentionPoolLatent; the MAP head of Zhai et al. 2021,
 * arXiv:2106.04560): tokens [N, L, C] to [N, C].
 */
export const attentionPoolLatent =
  ({ heads, hidden, norm, act = "gelu" }: LatentPoolOptions): Module =>
  (s, x) => {
    const [n = 1, , c = 1] = x.type.shape;
    const width = s.static(c, "the width of attention");
    const latent = s.expand(s.param("latent", [1, 1, width]), { shape: [n, 1, width] });
    const [k, v] = split(s, s.call("kv", linear(2 * width), x), [width, width]);
    const mixed = multiHeadMix(s, [s.call("q", linear(width), latent), k, v], { heads });
    const y = s.call("proj", linear(width), mixed);
    const token = s.add(y, s.chain(y, { norm, mlp: mlp(hidden, { act }) }));
    return s.reshape(token, { shape: [n, width] });
  };

/**
 * Patch representation refinement (timm's AttentionPoolPrr): self-attention of the tokens without any weights, then the
 * first token or the mean of all.
 */
export const attentionPoolPrr =
  ({ heads, pool }: { readonly heads: number; readonly pool: "token" | "avg" }): Module =>
  (s, x) => {
    const width = s.features(x);
    const y = splitHeads(s, x, heads);
    const mixed = mergeHeads(s, s.attention(y, y, y, undefined, { scale: (width / heads) ** -0.5 }));
    return pool === "token" ? tokenAt(s, mixed, 0) : s.reduce_mean(mixed, { axes: [1] });
  };
