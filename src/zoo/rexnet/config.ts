import { commonArgs, globalPool } from "../family.ts";
import { fixedArg } from "../fixed.ts";
import { actLayer } from "../layers/act.ts";
import { type ConfigOf, dropRates, int, number, oneOf } from "../schema.ts";

export const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool(),
  output_stride: oneOf([8, 16, 32], 32, "the stride of the last stage; strides beyond it become dilation"),
  initial_chs: int(16, "channels of the first block", { min: 1 }),
  final_chs: int(180, "what the channels grow by until the last block", { min: 1 }),
  width_mult: number(1, "multiplies the channels of every layer", { min: 0.01 }),
  depth_mult: number(1, "multiplies the blocks of every stage", { min: 0.01, max: 100 }),
  se_ratio: number(1 / 12, "squeeze-excite channels over those that it gates", { min: 0 }),
  ch_div: int(1, "channels are rounded to a multiple of it", { min: 1 }),
  act_layer: actLayer("swish"),
  dw_act_layer: actLayer("relu6"),
  fixed: fixedArg,
};

export type RexNetConfig = ConfigOf<typeof args>;
