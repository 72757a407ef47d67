import { commonArgs, globalPool } from "../family.ts";
import { fixedArg } from "../fixed.ts";
import { actLayer } from "../layers/act.ts";
import { normActLayerOr } from "../layers/norm-act.ts";
import { type ConfigOf, bool, classOnly, dropRates, inert, int, ints, number, oneOf } from "../schema.ts";

/** Standardised weights with this epsilon, or plain ones. */
type ConvLayer = { readonly eps: number; readonly padding?: "same" } | "plain";

export const stemTypes = ["", "fixed", "same", "deep", "deep_fixed", "deep_same", "tiered"] as const;

export const args = {
  ...commonArgs,
  ...dropRates,
  layers: ints([3, 4, 6, 3], "blocks of each stage", { min: 1, length: 4 }),
  channels: ints([256, 512, 1024, 2048], "channels of each stage", { min: 1, length: 4 }),
  global_pool: globalPool(),
  output_stride: int(32, "the stride of the last stage; strides beyond it become dilation", { min: 1 }),
  width_factor: number(1, "multiplies the channels of every layer", { min: 0 }),
  stem_chs: int(64, "width of the stem", { min: 1 }),
  stem_type: oneOf(stemTypes, "", "one 7x7 convolution or three 3x3 ones; how the pool after it is padded"),
  avg_down: bool(false, "an average pool instead of the stride of shortcuts"),
  preact: bool(true, "norm and activation before each convolution"),
  basic: bool(false, "blocks of two 3x3 convolutions"),
  bottle_ratio: number(0.25, "width inside a block over its channels", { min: 0 }),
  act_layer: actLayer("relu"),
  norm_layer: normActLayerOr({ kind: "groupnorm" }),
  conv_layer: classOnly<ConvLayer>({ eps: 1e-6 }, "the convolution"),
  zero_init_last: inert("initialisation; no effect at inference"),
  fixed: fixedArg,
};

export type ResNetV2Config = ConfigOf<typeof args>;
