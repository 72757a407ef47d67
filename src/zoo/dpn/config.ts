import { commonArgs, globalPool } from "../family.ts";
import { actLayer } from "../layers/act.ts";
import { normActLayerOr } from "../layers/norm-act.ts";
import { type ConfigOf, bool, dropRates, ignored, int, ints, oneOf } from "../schema.ts";

export const args = {
  ...commonArgs,
  drop_rate: dropRates.drop_rate,
  global_pool: globalPool(),
  k_sec: ints([3, 4, 20, 3], "blocks of each stage", { min: 1, length: 4 }),
  inc_sec: ints([16, 32, 24, 128], "channels that each block of a stage adds", { min: 1, length: 4 }),
  k_r: int(96, "width of the first stage's 3x3 convolutions", { min: 1 }),
  groups: int(32, "groups of the 3x3 convolutions", { min: 1 }),
  output_stride: oneOf([32], 32, "the stride of the last stage"),
  small: bool(false, "a quarter of the width, and a 3x3 stem"),
  num_init_features: int(64, "width of the stem", { min: 1 }),
  b: bool(false, "the two paths have a 1x1 convolution each"),
  norm_layer: normActLayerOr({ kind: "batchnorm2d" }),
  act_layer: actLayer("relu"),
  fc_act_layer: ignored("the last activation"),
};

export type DpnConfig = ConfigOf<typeof args>;
