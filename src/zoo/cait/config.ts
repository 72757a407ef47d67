import { commonArgs } from "../family.ts";
import { tokenPool } from "../layers/token-head.ts";
import { type ConfigOf, bool, classOnly, dropRates, dropout, inert, int, number, pair } from "../schema.ts";

export const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width of the input"),
  patch_size: pair(16, "pixels of a patch"),
  global_pool: tokenPool("token"),
  embed_dim: int(768, "width of a token", { min: 1 }),
  depth: int(12, "number of blocks", { min: 0 }),
  num_heads: int(12, "attention heads", { min: 1 }),
  mlp_ratio: number(4, "width inside an MLP per width of a token", { min: 0 }),
  qkv_bias: bool(true, "biases of queries, keys and values"),
  depth_token_only: int(2, "number of blocks of the class token", { min: 0 }),
  mlp_ratio_token_only: number(4, "the same as mlp_ratio in these", { min: 0 }),
  init_values: inert("initialisation of LayerScale; no effect at inference"),
  pos_drop_rate: dropout("dropout after the position embeddings; no effect at inference"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
  norm_layer: classOnly<undefined>(undefined, "the norms"),
  act_layer: classOnly<undefined>(undefined, "the activation"),
  block_layers: classOnly<undefined>(undefined, "the blocks"),
  block_layers_token: classOnly<undefined>(undefined, "the blocks of the class token"),
  patch_layer: classOnly<undefined>(undefined, "how patches are projected"),
  attn_block: classOnly<undefined>(undefined, "the attention"),
  mlp_block: classOnly<undefined>(undefined, "the MLPs"),
  attn_block_token_only: classOnly<undefined>(undefined, "the attention of the class token"),
  mlp_block_token_only: classOnly<undefined>(undefined, "the MLPs of the class token"),
};

export type CaitConfig = ConfigOf<typeof args>;
