import { commonArgs, globalPool } from "../family.ts";
import type { Pair } from "../layers/conv.ts";
import {
  type Arg,
  type ConfigOf,
  bool,
  classOnly,
  dropRates,
  dropout,
  inert,
  int,
  ints,
  number,
  optional,
  pair,
} from "../schema.ts";

const reference: Arg<Pair | undefined> = optional(
  pair(14, "grids of the pretraining, for whole maps and for windows, to which rotary positions are scaled"),
);

/** 0 leaves only a norm, as nothing does, which a row alone can say. */
const neckChannels: Arg<number | undefined> = int(256, "channels behind the blocks; 0 for a norm alone", { min: 0 });

export const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(1024, "the image that the position embeddings cover; others are interpolated"),
  patch_size: pair(16, "pixels of a patch"),
  embed_dim: int(768, "width of a token", { min: 1 }),
  depth: int(12, "number of blocks", { min: 0 }),
  num_heads: int(12, "attention heads", { min: 1 }),
  mlp_ratio: number(4, "width inside an MLP per width of a token", { min: 0 }),
  qkv_bias: bool(true, "biases of queries, keys and values"),
  qk_norm: bool(false, "a norm of queries and keys"),
  init_values: optional(number(1e-5, "initial LayerScale; without it there is none")),
  pre_norm: bool(false, "a norm before the blocks, and no bias of the patches"),
  use_abs_pos: bool(true, "learned position embeddings"),
  use_rel_pos: bool(false, "biases by relative position, of rows and of columns"),
  use_rope: bool(false, "rotary position embeddings"),
  ref_feat_shape: reference,
  window_size: int(14, "height and width of the attention windows in tokens", { min: 0 }),
  global_attn_indexes: ints([], "blocks whose attention sees the whole map", { min: 0 }),
  neck_chans: neckChannels,
  global_pool: globalPool(),
  head_hidden_size: optional(int(256, "width of a hidden layer before the classifier; none without it", { min: 0 })),
  norm_layer: classOnly<undefined>(undefined, "the norms"),
  act_layer: classOnly<undefined>(undefined, "the activation"),
  embed_layer: classOnly<undefined>(undefined, "how patches are projected"),
  block_fn: classOnly<undefined>(undefined, "the blocks"),
  mlp_layer: classOnly<undefined>(undefined, "the MLPs"),
  weight_init: inert("initialisation; no effect at inference"),
  pos_drop_rate: dropout("dropout after the position embeddings; no effect at inference"),
  patch_drop_rate: dropout("dropout of patches; no effect at inference"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
};

export type SamConfig = ConfigOf<typeof args>;

/** What timm's constructor and forward pass fail on: the reason, or undefined. */
export function refuse(c: SamConfig): string | undefined {
  if (c.embed_dim % c.num_heads !== 0) return `embed_dim=${c.embed_dim} must be divisible by num_heads=${c.num_heads}`;
  if (c.use_rope && c.use_rel_pos) return "use_rope=true excludes use_rel_pos=true";
  if (c.use_rope && (c.embed_dim / c.num_heads) % 4 !== 0)
    return `rotary embeddings need a head width of whole quadruples: embed_dim / num_heads = ${c.embed_dim / c.num_heads}`;
  if (c.global_pool === "" && c.num_classes > 0 && !c.head_hidden_size)
    return 'global_pool="" needs num_classes=0: the classifier takes no map';
  if (c.global_pool.includes("cat") && c.head_hidden_size)
    return "a pool of twice the channels does not fit the norm behind it";
  return undefined;
}
