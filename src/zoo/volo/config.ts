import { commonArgs } from "../family.ts";
import { fixedArg } from "../fixed.ts";
import {
  type ConfigOf,
  bool,
  classOnly,
  dropRates,
  dropout,
  inert,
  int,
  ints,
  number,
  oneOf,
  pair,
  perStage,
} from "../schema.ts";

export const args = {
  ...commonArgs,
  ...dropRates,
  layers: ints([4, 4, 8, 2], "blocks of each stage", { min: 1, length: 4 }),
  img_size: pair(224, "height and width of the input"),
  patch_size: oneOf([4, 8, 16], 8, "pixels of a patch"),
  stem_hidden_dim: int(64, "width of the stem", { min: 1 }),
  embed_dims: ints([192, 384, 384, 384], "width of each stage; the last three are equal", { min: 1, length: 4 }),
  num_heads: ints([6, 12, 12, 12], "attention heads of each stage", { min: 1, length: 4 }),
  mlp_ratio: perStage(number(3, "width inside an MLP over the width of its stage", { min: 0 })),
  qkv_bias: bool(false, "biases of queries, keys and values"),
  global_pool: oneOf(["token", "avg"], "token", "the class token, or the mean of all tokens"),
  use_aux_head: bool(true, "a second classifier of the patches"),
  use_mix_token: inert("token labelling; no effect at inference"),
  pooling_scale: int(2, "patches per position embedding", { min: 1 }),
  norm_layer: classOnly<undefined>(undefined, "the norms"),
  pos_drop_rate: dropout("dropout after the position embeddings; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
  fixed: fixedArg,
};

export type VoloConfig = ConfigOf<typeof args>;

/** What timm's constructor and forward pass fail on: the reason, or undefined. */
export function refuse(c: VoloConfig): string | undefined {
  const [, second, third, fourth] = c.embed_dims;
  if (second !== third || third !== fourth) return "embed_dims must be equal in the last three stages";
  const at = c.embed_dims.findIndex((width, i) => width % (c.num_heads[i] ?? 1) !== 0);
  if (at >= 0) return `embed_dims: ${c.embed_dims[at]} must be divisible by num_heads=${c.num_heads[at]}`;
  return Array.isArray(c.mlp_ratio) && c.mlp_ratio.length < 4
    ? `mlp_ratio has ${c.mlp_ratio.length} entries for 4 stages`
    : undefined;
}
