import { commonArgs, globalPools } from "../family.ts";
import {
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

export const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width of the input"),
  patch_size: pair(16, "pixels of a patch"),
  global_pool: oneOf(
    [...globalPools, "token", "map"],
    "avg",
    'the mean of the patches; "" keeps all tokens, and any other name reads the class token',
  ),
  embed_dim: int(768, "width of a token", { min: 1 }),
  depth: int(12, "number of blocks", { min: 0 }),
  num_heads: int(12, "attention heads", { min: 1 }),
  qkv_bias: bool(true, "biases of queries and values"),
  mlp_ratio: number(4, "width inside an MLP per width of a token", { min: 0 }),
  swiglu_mlp: bool(false, "gated MLPs"),
  scale_mlp: bool(false, "a norm before the last layer of an MLP"),
  init_values: optional(number(1e-5, "initial scale of the residual branches; without it there is none")),
  use_abs_pos_emb: bool(true, "learned position embeddings"),
  use_rel_pos_bias: bool(false, "learned biases by relative position in every block"),
  use_shared_rel_pos_bias: bool(false, "learned biases by relative position, one table for all blocks"),
  norm_layer: classOnly<undefined>(undefined, "the norms"),
  pos_drop_rate: dropout("dropout after the position embeddings; no effect at inference"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
  head_init_scale: inert("initialisation; no effect at inference"),
};

export type BeitConfig = ConfigOf<typeof args>;

/** What timm's constructor and forward pass fail on: the reason, or undefined. */
export function refuse(c: BeitConfig): string | undefined {
  if (c.embed_dim % c.num_heads !== 0) return `embed_dim=${c.embed_dim} must be divisible by num_heads=${c.num_heads}`;
  return undefined;
}
