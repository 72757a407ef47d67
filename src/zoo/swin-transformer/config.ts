import { commonArgs } from "../family.ts";
import type { Pair } from "../layers/conv.ts";
import {
  type Arg,
  type ConfigOf,
  bool,
  classOnly,
  dropRates,
  dropout,
  ignored,
  inert,
  int,
  ints,
  number,
  oneOf,
  optional,
  pair,
  perStage,
} from "../schema.ts";

/** One window for all stages, or one per stage; a window is square unless it is [height, width]. */
type WindowSize = number | readonly (number | Pair)[];

const extent = int(1, "tokens", { min: 1 });
const isExtent = (v: unknown): v is number => extent.read(v) !== undefined;
const isWindow = (v: unknown): v is number | Pair =>
  isExtent(v) || (Array.isArray(v) && v.length === 2 && v.every(isExtent));

const windowSize: Arg<WindowSize> = {
  type: "integer >= 1, or [height, width], or a list of these with one per stage",
  default: 7,
  doc: "height and width of the attention windows in tokens",
  inert: false,
  read: (v) => (isWindow(v) || (Array.isArray(v) && v.length > 0 && v.every(isWindow)) ? v : undefined),
};

export const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width of the input"),
  patch_size: int(4, "height and width of a patch in pixels", { min: 1 }),
  global_pool: oneOf(["avg", ""], "avg", 'pooling before the classifier; "" keeps the map'),
  embed_dim: int(96, "width of the first stage; every stage doubles it", { min: 1 }),
  depths: ints([2, 2, 6, 2], "blocks of each stage", { min: 0 }),
  num_heads: ints([3, 6, 12, 24], "attention heads of each stage", { min: 1 }),
  head_dim: optional(
    perStage(int(32, "width of a head, where it is not the stage's width over its heads", { min: 1 })),
  ),
  window_size: windowSize,
  always_partition: bool(false, "keeps windows larger than the map at their size"),
  strict_img_size: bool(true, "refuses every input size but img_size"),
  mlp_ratio: perStage(number(4, "hidden width of an MLP over the width of its stage", { min: 0 })),
  qkv_bias: bool(true, "a bias on queries, keys and values"),
  proj_drop_rate: dropout("dropout; no effect at inference"),
  attn_drop_rate: dropout("dropout; no effect at inference"),
  weight_init: inert("initialisation; no effect at inference"),
  embed_layer: classOnly(undefined, "the patch embedding"),
  norm_layer: classOnly(undefined, "the normalisation"),
  act_layer: ignored("the activation"),
  output_stride: ignored("the stride of the last stage"),
  ape: ignored("absolute position embeddings"),
  patch_norm: ignored("a norm after the patch embedding, which is always there"),
  qk_scale: ignored("the scale of the scores"),
  use_checkpoint: ignored("gradient checkpointing"),
  window_ratio: ignored("the window as a fraction of the map, an argument of set_input_size alone"),
};

export type SwinConfig = ConfigOf<typeof args>;
