import { commonArgs } from "../family.ts";
import { tokenPool } from "../layers/token-head.ts";
import { type ConfigOf, bool, classOnly, dropRates, dropout, inert, int, number, oneOf, pair } from "../schema.ts";

export const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width that patch_size is checked against; other inputs are taken too"),
  patch_size: oneOf([8, 16], 16, "pixels of a patch"),
  global_pool: tokenPool("token"),
  embed_dim: int(768, "width of a token", { min: 8 }),
  depth: int(12, "number of blocks", { min: 0 }),
  num_heads: int(12, "attention heads", { min: 1 }),
  mlp_ratio: number(4, "width inside an MLP per width of a token", { min: 0 }),
  qkv_bias: bool(true, "biases of queries, keys and values"),
  cls_attn_layers: int(2, "number of blocks of the class token", { min: 0 }),
  use_pos_embed: bool(true, "Fourier position embeddings"),
  tokens_norm: bool(false, "the second norm of those blocks is for all tokens"),
  eta: inert("initialisation of LayerScale; no effect at inference"),
  pos_drop_rate: dropout("dropout after the position embeddings; no effect at inference"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
  norm_layer: classOnly<undefined>(undefined, "the norms"),
  act_layer: classOnly<undefined>(undefined, "the activation"),
};

export type XcitConfig = ConfigOf<typeof args>;

/** What timm's constructor fails on: the reason, or undefined. It looks at the height alone. */
export function refuse(c: XcitConfig): string | undefined {
  if (c.img_size[0] % c.patch_size !== 0) return `patch_size=${c.patch_size} must divide img_size=${c.img_size[0]}`;
  if (c.embed_dim % c.num_heads !== 0) return `embed_dim=${c.embed_dim} must be divisible by num_heads=${c.num_heads}`;
  return undefined;
}
