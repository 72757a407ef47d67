import { commonArgs, globalPool } from "../family.ts";
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
  optional,
  pair,
} from "../schema.ts";

const window: Arg<Pair | undefined> = optional(pair(7, "height and width of the attention windows in tokens"));

export const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width of the input"),
  patch_size: int(4, "height and width of a patch in pixels", { min: 1 }),
  window_size: window,
  window_ratio: int(8, "the map of the first stage over a window, where window_size is not given", { min: 1 }),
  always_partition: bool(false, "keeps windows larger than the map at their size"),
  strict_img_size: bool(true, "refuses every input size but img_size"),
  embed_dim: int(96, "width of the first stage; every stage doubles it", { min: 1 }),
  depths: ints([2, 2, 6, 2], "blocks of each stage", { min: 0 }),
  num_heads: ints([3, 6, 12, 24], "attention heads of each stage", { min: 1 }),
  mlp_ratio: number(4, "hidden width of an MLP over the width of its stage", { min: 0 }),
  extra_norm_period: int(0, "a norm after every so many blocks; 0 for none", { min: 0 }),
  extra_norm_stage: bool(false, "a norm after the last block of every stage; the last stage has it anyway"),
  global_pool: globalPool(),
  init_values: inert("initialisation; no effect at inference"),
  sequential_attn: inert("checkpointing of attention; no effect at inference"),
  weight_init: inert("initialisation; no effect at inference"),
  proj_drop_rate: dropout("dropout; no effect at inference"),
  attn_drop_rate: dropout("dropout; no effect at inference"),
  norm_layer: classOnly<undefined>(undefined, "the normalisation"),
  act_layer: ignored("the activation"),
  output_stride: ignored("the stride of the last stage"),
};

export type SwinV2CrConfig = ConfigOf<typeof args>;
