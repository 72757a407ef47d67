import { commonArgs } from "../family.ts";
import {
  type Arg,
  type ConfigOf,
  bool,
  classOnly,
  dropRates,
  dropout,
  inert,
  int,
  number,
  oneOf,
  optional,
  pair,
} from "../schema.ts";
import type { Pair } from "../layers/conv.ts";

const size: Arg<Pair | undefined> = optional(
  pair(16, "rows and columns of the pretraining, to which rotary positions are scaled"),
);

export const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width of the input; the only size taken unless dynamic_img_size"),
  patch_size: pair(16, "pixels of a patch"),
  global_pool: oneOf(
    ["", "avg", "avgmax", "max", "token", "map"],
    "avg",
    'pooling of the tokens: "map" attends, "" keeps all of them',
  ),
  embed_dim: int(768, "width of a token", { min: 1 }),
  depth: int(12, "number of blocks", { min: 0 }),
  num_heads: int(12, "attention heads", { min: 1 }),
  qkv_bias: bool(true, "biases of queries, keys and values"),
  qkv_fused: bool(true, "one layer for queries, keys and values"),
  mlp_ratio: number(4, "width inside an MLP per width of a token", { min: 0 }),
  swiglu_mlp: bool(false, "gated MLPs"),
  swiglu_align_to: int(0, "the width inside a gated MLP is a multiple of this", { min: 0 }),
  scale_mlp: bool(false, "a norm before the last layer of an MLP"),
  scale_attn_inner: bool(false, "a norm before the projection of attention"),
  attn_type: oneOf(["eva", "rope"], "eva", '"eva": keys have no bias'),
  init_values: optional(number(1e-5, "initial scale of the residual branches; without it there is none")),
  class_token: bool(true, "a class token before the patches"),
  num_reg_tokens: int(0, "register tokens, after the class token", { min: 0 }),
  no_embed_class: bool(false, "no position embedding of class and register tokens"),
  use_abs_pos_emb: bool(true, "learned position embeddings"),
  use_rot_pos_emb: bool(false, "rotary position embeddings"),
  rope_type: oneOf(["cat", "mixed", "dinov3"], "cat", "the angles: of either axis, learned from both, or of periods"),
  rope_grid_offset: number(0, 'added to rows and columns of rope_type="cat"'),
  rope_grid_indexing: oneOf(["ij", "xy"], "ij", "which axis the first half of the angles is of"),
  rope_temperature: number(10000, "the slowest angle grows this many times slower than the fastest", { min: 1e-6 }),
  rope_rotate_half: bool(false, "halves of a head turn with each other, not neighbours"),
  use_post_norm: bool(false, "norms at the end of the residual branches"),
  use_pre_transformer_norm: bool(false, "a norm before the blocks, and no bias of the patches"),
  use_post_transformer_norm: optional(bool(true, "a norm after the blocks; timm: where there is none after pooling")),
  use_fc_norm: optional(bool(true, "a norm after pooling; timm: for avg")),
  attn_pool_num_heads: optional(int(8, "attention heads of the pooling", { min: 0 })),
  attn_pool_mlp_ratio: optional(number(4, "width inside the MLP of the pooling", { min: 0 })),
  dynamic_img_size: bool(false, "any size of whole patches; position embeddings are interpolated"),
  dynamic_img_pad: bool(false, "incomplete patches are completed by zeros"),
  ref_feat_shape: size,
  /** Epsilon of the norms. */
  norm_layer: classOnly<number>(1e-6, "the norms"),
  use_naflex: bool(false, "the NaFlexViT of the same weights, which is not built from these names"),
  pos_drop_rate: dropout("dropout after the position embeddings; no effect at inference"),
  patch_drop_rate: dropout("dropout of patches; no effect at inference"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
  head_init_scale: inert("initialisation; no effect at inference"),
};

export type EvaConfig = ConfigOf<typeof args>;

/** What timm's constructor and forward pass fail on: the reason, or undefined. */
export function refuse(c: EvaConfig): string | undefined {
  if (c.use_naflex) return "use_naflex=true builds a NaFlexViT: name a naflexvit architecture instead";
  if (c.embed_dim % c.num_heads !== 0) return `embed_dim=${c.embed_dim} must be divisible by num_heads=${c.num_heads}`;
  if (c.use_rot_pos_emb && (c.embed_dim / c.num_heads) % 4 !== 0)
    return `rotary embeddings need a head width of whole quadruples: embed_dim / num_heads = ${c.embed_dim / c.num_heads}`;
  if (c.embed_dim % poolHeads(c) !== 0 && c.global_pool === "map")
    return `embed_dim=${c.embed_dim} must be divisible by attn_pool_num_heads=${poolHeads(c)}`;
  return undefined;
}

/** timm takes 0 as not given. */
export const poolHeads = (c: EvaConfig): number => c.attn_pool_num_heads || c.num_heads;

/** Which of the two final norms there are. */
export function finalNorms(c: EvaConfig): { readonly pooled: boolean; readonly before: boolean } {
  const pooled = c.use_fc_norm ?? c.global_pool === "avg";
  return { pooled, before: c.use_post_transformer_norm ?? !pooled };
}
