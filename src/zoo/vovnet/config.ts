import { commonArgs, globalPool } from "../family.ts";
import { fixedArg } from "../fixed.ts";
import { actLayer } from "../layers/act.ts";
import { attnLayers } from "../layers/channel-attention.ts";
import { normActLayerOr } from "../layers/norm-act.ts";
import { type ConfigOf, bool, dropRates, ignored, int, ints, oneOf } from "../schema.ts";

const stages = { min: 1, length: 4 };

export const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool(),
  output_stride: oneOf([32], 32, "the stride of the last stage"),
  norm_layer: normActLayerOr({ kind: "batchnorm2d" }),
  act_layer: actLayer("relu"),
  stem_stride: oneOf([2, 4], 4, "the stride of the stem"),
  stem_chs: ints([64, 64, 128], "channels of the stem's convolutions", { min: 1, length: 3 }),
  stage_conv_chs: ints([128, 160, 192, 224], "channels of each convolution by stage", stages),
  stage_out_chs: ints([256, 512, 768, 1024], "channels of each stage", stages),
  block_per_stage: ints([1, 1, 2, 2], "blocks of each stage", stages),
  layer_per_block: int(5, "convolutions that a block aggregates", { min: 1 }),
  residual: bool(false, "blocks but the first of a stage add their input"),
  depthwise: bool(false, "separable convolutions"),
  attn: oneOf(["", ...attnLayers], "", 'channel attention at the end of each stage; "" for none'),
  img_size: ignored("the input size, which nothing depends on"),
  fixed: fixedArg,
};

export type VovNetConfig = ConfigOf<typeof args>;
