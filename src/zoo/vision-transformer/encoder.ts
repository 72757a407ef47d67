/** From an image to the tokens that leave the last block, with a feature map per block. */
import type { Dim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Stage } from "../family.ts";
import { blockStages, noting } from "../layers/block-stages.ts";
import type { Pair } from "../layers/conv.ts";
import { patchEmbed, patchGrid } from "../layers/patch-embed.ts";
import { type Prefix, embedTokens, prefixLength, prefixTokens } from "../layers/token-embedding.ts";
import { tokenNorm } from "../layers/token-norm.ts";
import type { Module, Scope } from "../scope.ts";
import { blocks } from "./blocks.ts";
import { type VitConfig, normsPooled } from "./config.ts";

/** How an image becomes patches. */
export interface Patches {
  /** `patch_embed`: tokens [N, L, C], or a map [N, H, W, C] with dynamic_img_size. */
  readonly module: Module;
  /** Rows and columns of patches in an image of img_size, which the position embeddings cover. */
  readonly native: Pair;
  /** Rows and columns in this image. */
  readonly grid: readonly [Dim, Dim];
  /** Pixels per patch, as timm states it for the features. */
  readonly reduction: number;
}

/** Rows and columns of patches in an image of img_size. */
export const nativeGrid = ({ img_size: [h, w], patch_size: [ph, pw] }: VitConfig): Pair => [
  Math.floor(h / ph),
  Math.floor(w / pw),
];

/** A convolution over non-overlapping patches. */
export function convPatches(c: VitConfig, image: Value): Patches {
  const [h = 1, w = 1] = image.type.shape.slice(2);
  return {
    module: patchEmbed({
      patch: c.patch_size,
      width: c.embed_dim,
      bias: !c.pre_norm,
      norm: c.embed_norm_layer && tokenNorm(c.embed_norm_layer),
      format: c.dynamic_img_size ? "NHWC" : "NLC",
      size: c.dynamic_img_size ? undefined : c.img_size,
      pad: c.dynamic_img_pad,
    }),
    native: nativeGrid(c),
    grid: patchGrid([h, w], c.patch_size, c.dynamic_img_pad),
    reduction: Math.max(...c.patch_size),
  };
}

/** The class token and the registers (Darcet et al. 2023). */
export const prefixOf = (c: VitConfig): Prefix =>
  prefixTokens(["cls_token", c.class_token ? 1 : 0], ["reg_token", c.reg_tokens]);

/** Position embeddings of prefix tokens: of all of them, or of none. */
export const coveredTokens = (c: VitConfig, prefix: Prefix): number => (c.no_embed_class ? 0 : prefixLength(prefix));

interface Encoded {
  /** What timm's forward_features returns: after `norm`, where the final norm comes before pooling. */
  readonly tokens: Value;
  readonly stages: readonly Stage[];
}

/** Embedding, blocks and final norm (Dosovitskiy et al. 2020, eq. 1 to 3). */
export function encode(s: Scope, image: Value, c: VitConfig, prefix: Prefix, patches: Patches): Encoded {
  const norm = tokenNorm(c.norm_layer);
  const finalNorm = c.final_norm && !normsPooled(c) ? norm : undefined;
  const { native, grid } = patches;
  const ofPrefix = coveredTokens(c, prefix) > 0;
  const positions = c.pos_embed === "learn" ? { native, grid, ofPrefix } : undefined;
  const embedded = embedTokens(s, s.call("patch_embed", patches.module, image), prefix, positions);
  const outputs: Value[] = [];
  const modules = Array.from({ length: c.depth }, (_, i) => blocks[c.block_fn](c, i));
  const tokens = s.chain(embedded, {
    norm_pre: c.pre_norm ? norm : undefined,
    blocks: noting(modules, outputs),
    norm: finalNorm,
  });
  const stages = blockStages(s, outputs, {
    grid: patches.grid,
    reduction: patches.reduction,
    prefix: prefixLength(prefix),
    norm: finalNorm && { path: "norm", module: finalNorm },
  });
  return { tokens, stages };
}
