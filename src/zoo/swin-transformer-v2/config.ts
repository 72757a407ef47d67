import { commonArgs } from "../family.ts";
import { actLayer } from "../layers/act.ts";
import {
  type ConfigOf,
  bool,
  classOnly,
  dropRates,
  dropout,
  ignored,
  int,
  ints,
  number,
  oneOf,
  pair,
} from "../schema.ts";

export const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width of the input"),
  patch_size: int(4, "height and width of a patch in pixels", { min: 1 }),
  global_pool: oneOf(["avg", ""], "avg", 'pooling before the classifier; "" keeps the map'),
  embed_dim: int(96, "width of the first stage; every stage doubles it", { min: 1 }),
  depths: ints([2, 2, 6, 2], "blocks of each stage", { min: 0 }),
  num_heads: ints([3, 6, 12, 24], "attention heads of each stage", { min: 1 }),
  window_size: pair(7, "height and width of the attention windows in tokens"),
  always_partition: bool(false, "keeps windows larger than the map at their size"),
  strict_img_size: bool(true, "refuses every input size but img_size"),
  mlp_ratio: number(4, "hidden width of an MLP over the width of its stage", { min: 0 }),
  qkv_bias: bool(true, "a bias on queries and values"),
  pretrained_window_sizes: ints([0, 0, 0, 0], "windows of the pretraining in each stage; 0 for the same", { min: 0 }),
  proj_drop_rate: dropout("dropout; no effect at inference"),
  attn_drop_rate: dropout("dropout; no effect at inference"),
  norm_layer: classOnly<undefined>(undefined, "the normalisation"),
  act_layer: actLayer("gelu"),
  output_stride: ignored("the stride of the last stage"),
  ape: ignored("absolute position embeddings"),
  patch_norm: ignored("a norm after the patch embedding, which is always there"),
  window_ratio: ignored("the window as a fraction of the map"),
};

export type SwinV2Config = ConfigOf<typeof args>;

/** What timm's constructor fails on: the reason, or undefined. */
export function refuse(c: SwinV2Config): string | undefined {
  const stages = c.depths.length;
  for (const [name, list] of Object.entries({
    num_heads: c.num_heads,
    pretrained_window_sizes: c.pretrained_window_sizes,
  }))
    if (list.length < stages) return `${name} has ${list.length} entries for ${stages} stages`;
  const at = c.depths.findIndex((_, i) => (c.embed_dim * 2 ** i) % (c.num_heads[i] ?? 1) !== 0);
  return at < 0 ? undefined : `the width of stage ${at} must be divisible by num_heads=${c.num_heads[at]}`;
}
