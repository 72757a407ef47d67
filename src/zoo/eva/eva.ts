/**
 * Vision transformers with rotary positions and their kin: EVA, Fang et al. 2022 (arXiv:2211.07636); EVA-02 (2303.11331);
 * ViT with RoPE, Heo et al. 2024 (2403.13298); Perception Encoder, Bolya et al. 2025 (2504.13181); DINOv3, Siméoni et al.
 * 2025 (2508.10104).
 */
import type { Dim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { attentionPoolLatent } from "../layers/attention-pool.ts";
import { blockStages, noting } from "../layers/block-stages.ts";
import { fullyConnected } from "../layers/classifier.ts";
import { layerNorm } from "../layers/norm.ts";
import { patchEmbed, patchGrid } from "../layers/patch-embed.ts";
import { globalPoolOver } from "../layers/pool.ts";
import { type Rotation, axialRotation, centredRotation, forTokens, mixedRotations } from "../layers/rotary.ts";
import { type Prefix, embedTokens, prefixLength, prefixTokens } from "../layers/token-embedding.ts";
import { dropTokens, tokenAt } from "../layers/tokens.ts";
import type { Scope } from "../scope.ts";
import { evaBlock } from "./block.ts";
import { type EvaConfig, args, finalNorms, poolHeads, refuse } from "./config.ts";
import { remap } from "./remap.ts";
import { nativeGrid } from "./grid.ts";
import { variants } from "./variants.ts";

const prefixOf = (c: EvaConfig): Prefix =>
  prefixTokens(["cls_token", c.class_token ? 1 : 0], ["reg_token", c.num_reg_tokens]);

/** The rotation of each block; one for all but with learned angles. */
function rotations(s: Scope, c: EvaConfig, grid: readonly [Dim, Dim], prefix: number): readonly Rotation[] {
  if (!c.use_rot_pos_emb) return [];
  const common = {
    grid,
    dim: c.embed_dim / c.num_heads,
    temperature: c.rope_temperature,
    indexing: c.rope_grid_indexing,
    half: c.rope_rotate_half,
  } as const;
  if (c.rope_type === "mixed")
    return mixedRotations(s.at("rope"), { ...common, depth: c.depth, heads: c.num_heads }).map((r) =>
      forTokens(s, r, prefix),
    );
  const one =
    c.rope_type === "dinov3"
      ? centredRotation(s, common)
      : axialRotation(s, { ...common, offset: c.rope_grid_offset, reference: c.ref_feat_shape });
  const shared = forTokens(s, one, prefix);
  return Array.from({ length: c.depth }, () => shared);
}

/** Attention pooling sees the class and register tokens too; other pools leave them out. */
function pool(s: Scope, x: Value, c: EvaConfig, prefix: number): Value {
  switch (c.global_pool) {
    case "":
      return x;
    case "token":
      return tokenAt(s, x, 0);
    case "map": {
      const hidden = Math.trunc(c.embed_dim * (c.attn_pool_mlp_ratio || c.mlp_ratio)) || c.embed_dim;
      const attend = attentionPoolLatent({ heads: poolHeads(c), hidden, norm: layerNorm(c.norm_layer) });
      return s.call("attn_pool", attend, x);
    }
    case "avg":
    case "avgmax":
    case "max":
      return globalPoolOver(s, dropTokens(s, x, prefix), c.global_pool, [1]);
    default:
      return c.global_pool satisfies never;
  }
}

export default defineFamily({
  name: "eva",
  paper: "https://arxiv.org/abs/2303.11331",
  args,
  variants,
  lastStages: 3,
  refuse,
  groups: () => [
    stemGroup(/cls_token|reg_token|pos_embed|patch_embed/),
    blockGroup(/blocks\.(\d+)/),
    blockGroup(/norm/, "last"),
  ],
  remap,
  build: (s, image, c) => {
    const [h = 1, w = 1] = image.type.shape.slice(2);
    const grid = patchGrid([h, w], c.patch_size, c.dynamic_img_pad);
    const norm = layerNorm(c.norm_layer);
    const { pooled, before } = finalNorms(c);
    const prefix = prefixOf(c);
    const count = prefixLength(prefix);
    const embed = patchEmbed({
      patch: c.patch_size,
      width: c.embed_dim,
      bias: !c.use_pre_transformer_norm,
      format: c.dynamic_img_size ? "NHWC" : "NLC",
      size: c.dynamic_img_size ? undefined : c.img_size,
      pad: c.dynamic_img_pad,
    });
    const positions = c.use_abs_pos_emb ? { native: nativeGrid(c), grid, ofPrefix: !c.no_embed_class } : undefined;
    const embedded = embedTokens(s, s.call("patch_embed", embed, image), prefix, positions);
    const turns = rotations(s, c, grid, count);
    const outputs: Value[] = [];
    const blocks = Array.from({ length: c.depth }, (_, i) => evaBlock(c, turns[i]));
    const tokens = s.chain(embedded, {
      norm_pre: c.use_pre_transformer_norm ? norm : undefined,
      blocks: noting(blocks, outputs),
      norm: before ? norm : undefined,
    });
    const preLogits = s.chain(pool(s, tokens, c, count), { fc_norm: pooled ? norm : undefined });
    const stages = blockStages(s, outputs, {
      grid,
      reduction: Math.max(...c.patch_size),
      prefix: count,
      norm: before ? { path: "norm", module: norm } : undefined,
    });
    return {
      forwardFeatures: [tokens],
      preLogits: [preLogits],
      logits: [s.chain(preLogits, { head: fullyConnected(c.num_classes) })],
      stages,
      format: "NLC",
    };
  },
});
