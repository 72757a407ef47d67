import { commonArgs, globalPool } from "../family.ts";
import { fixedArg } from "../fixed.ts";
import { actLayer } from "../layers/act.ts";
import { normActLayerOr } from "../layers/norm-act.ts";
import { type ConfigOf, bool, dropRates, inert, int, number, oneOf } from "../schema.ts";

export const args = {
  ...commonArgs,
  ...dropRates,
  output_stride: oneOf([8, 16, 32], 32, "the stride of the last stage; strides beyond it become dilation"),
  global_pool: globalPool(),
  depth: int(21, "blocks of all stages", { min: 4 }),
  w0: int(80, "the first block's width, a multiple of 8", { min: 8 }),
  wa: number(42.63, "what each block adds to the width before it is quantised", { min: 0 }),
  wm: number(2.66, "the ratio of the widths of neighbouring stages", { min: 1 }),
  group_size: int(24, "channels per group of the 3x3 convolutions", { min: 1 }),
  bottle_ratio: number(1, "width of the 3x3 convolution over that of its block", { min: 0 }),
  se_ratio: number(0, "squeeze-excite channels over those that enter the block; 0 for none", { min: 0 }),
  group_min_ratio: number(0, "rounds widths to groups as torchvision does, where it is not 0", { min: 0 }),
  stem_width: int(32, "width of the stem", { min: 1 }),
  downsample: oneOf(["conv1x1", "avg", ""], "conv1x1", 'shortcuts whose shape changes; "" for none'),
  linear_out: bool(false, "no activation after the sum of a block (Z)"),
  preact: bool(false, "norm and activation before each convolution (V)"),
  num_features: int(0, "width of a last convolution; 0 for none", { min: 0 }),
  act_layer: actLayer("relu"),
  norm_layer: normActLayerOr({ kind: "batchnorm" }),
  zero_init_last: inert("initialisation; no effect at inference"),
  fixed: fixedArg,
};

export type RegNetConfig = ConfigOf<typeof args>;
