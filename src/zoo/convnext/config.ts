import { commonArgs, globalPool } from "../family.ts";
import { actLayer } from "../layers/act.ts";
import {
  type Arg,
  type ConfigOf,
  bool,
  dropRates,
  inert,
  int,
  ints,
  number,
  oneOf,
  optional,
  perStage,
} from "../schema.ts";
import { convnextNorm } from "./norms.ts";

/** Only whether there is one matters at inference: variants without layer scale have none. */
const lsInitValue: Arg<number | undefined> = number(1e-6, "initial layer scale; its size has no effect at inference");

export const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool(),
  output_stride: oneOf([8, 16, 32], 32, "the stride of the last stage; strides beyond it become dilation"),
  depths: ints([3, 3, 9, 3], "blocks of each stage", { min: 0, length: 4 }),
  dims: ints([96, 192, 384, 768], "channels of each stage", { min: 1, length: 4 }),
  kernel_sizes: perStage(int(7, "kernel of the depthwise convolutions", { min: 1 })),
  ls_init_value: lsInitValue,
  stem_type: oneOf(
    ["patch", "overlap", "overlap_tiered", "overlap_act"],
    "patch",
    "one convolution over patches, or two 3x3 ones",
  ),
  patch_size: int(4, "kernel and stride of a patch stem", { min: 1 }),
  head_init_scale: inert("initialisation; no effect at inference"),
  head_norm_first: bool(false, "norm, pool, classifier instead of pool, norm, classifier"),
  head_hidden_size: optional(int(0, "width of a hidden layer before the classifier", { min: 0 })),
  conv_mlp: bool(false, "1x1 convolutions instead of linear layers"),
  conv_bias: bool(true, "a bias in convolutions"),
  use_grn: bool(false, "global response normalisation inside the MLP (V2)"),
  act_layer: actLayer("gelu"),
  norm_layer: convnextNorm,
  norm_eps: optional(number(1e-6, "eps of layernorm, rmsnorm and simplenorm", { min: 0 })),
};

export type ConvNeXtConfig = ConfigOf<typeof args>;
