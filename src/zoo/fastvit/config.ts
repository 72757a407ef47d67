import { commonArgs, globalPool } from "../family.ts";
import {
  type ConfigOf,
  bool,
  classOnly,
  dropRates,
  dropout,
  ignored,
  inert,
  int,
  internal,
  ints,
  number,
} from "../schema.ts";

const stages = { min: 1 };

export const args = {
  ...commonArgs,
  ...dropRates,
  proj_drop_rate: dropout("dropout; no effect at inference"),
  global_pool: globalPool(),
  layers: ints([2, 2, 6, 2], "blocks of each stage", stages),
  embed_dims: ints([64, 128, 256, 512], "channels of each stage", stages),
  mlp_ratios: ints([4, 4, 4, 4], "width inside an MLP over that of its stage", stages),
  /** Which stages attend, each after an encoding of positions by convolution: a value for every stage that there can be. */
  attends: internal<readonly boolean[]>([false, false, false, false]),
  se_downsamples: internal<readonly boolean[]>([]),
  repmixer_kernel_size: int(3, "kernel of the token mixers", { min: 1 }),
  down_patch_size: int(7, "kernel of the convolutions between stages", { min: 3 }),
  down_stride: int(2, "stride of the convolutions between stages", { min: 1 }),
  layer_scale_init_value: inert("initialisation; no effect at inference"),
  lkc_use_act: bool(false, "an activation after the large convolutions between stages"),
  stem_use_scale_branch: bool(true, "1x1 branches beside the stem's convolutions"),
  cls_ratio: number(2, "width of the last convolution over that of the last stage", { min: 0 }),
  /** Before attention: batch norm, or a layer norm of maps. */
  norm: internal<"batchnorm" | "layernorm2d">("batchnorm"),
  norm_layer: ignored("the norm before attention, where timm takes a Python class only"),
  act_layer: classOnly(undefined, "the activation"),
  inference_mode: bool(false, "one convolution with a bias for every sum of branches"),
};

export type FastVitConfig = ConfigOf<typeof args>;
