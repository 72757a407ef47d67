import { commonArgs } from "../family.ts";
import { tokenPool } from "../layers/token-head.ts";
import { type ConfigOf, bool, classOnly, dropRates, dropout, int, number, oneOf, optional, pair } from "../schema.ts";

export const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width of the input"),
  patch_size: pair(16, "pixels of a patch"),
  global_pool: tokenPool("avg"),
  embed_dim: int(768, "width of a token", { min: 1 }),
  depth: int(12, "number of blocks", { min: 0 }),
  num_heads: int(12, "attention heads", { min: 1 }),
  mlp_ratio: number(4, "width inside an MLP per width of a token", { min: 0 }),
  qkv_bias: bool(true, "biases of queries, keys and values"),
  qk_norm: bool(false, "a norm of queries and keys"),
  init_values: number(1e-6, "initial LayerScale; 0 for none"),
  class_token: bool(false, "a class token before the patches"),
  fc_norm: bool(false, "the final norm after pooling instead of before"),
  rel_pos_type: oneOf(["mlp", "mlp_swin", "bias"], "mlp", "biases by relative position from an MLP, or from a table"),
  rel_pos_dim: optional(int(128, "width inside that MLP", { min: 0 })),
  shared_rel_pos: bool(false, "the same biases in all blocks"),
  block_fn: classOnly<"pre_norm" | "res_post_norm">("pre_norm", "the kind of block"),
  embed_layer: classOnly<undefined>(undefined, "how patches are projected"),
  norm_layer: classOnly<undefined>(undefined, "the norms"),
  act_layer: classOnly<undefined>(undefined, "the activation"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
  weight_init: { ...oneOf(["", "skip", "reset", "jax", "moco"], "reset", "initialisation"), inert: true },
  fix_init: { ...bool(false, "initialisation scaled by depth"), inert: true },
};

export type RelPosConfig = ConfigOf<typeof args>;

/** What timm's constructor and forward pass fail on: the reason, or undefined. */
export function refuse(c: RelPosConfig): string | undefined {
  if (c.embed_dim % c.num_heads !== 0) return `embed_dim=${c.embed_dim} must be divisible by num_heads=${c.num_heads}`;
  if (c.global_pool === "token" && !c.class_token) return 'global_pool="token" needs class_token=true';
  return undefined;
}
