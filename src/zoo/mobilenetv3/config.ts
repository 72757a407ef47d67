import { seLayer } from "../efficientnet/se-layer.ts";
import { trunkArgs } from "../efficientnet/trunk-args.ts";
import { type ConfigOf, bool, int, internal, number, optional } from "../schema.ts";
import { type Design, v3Large } from "./designs.ts";

export const args = {
  ...trunkArgs,
  stem_size: int(16, "width of the stem", { min: 1 }),
  num_features: int(1280, "width of the last convolution", { min: 1 }),
  head_bias: bool(true, "a bias in the last convolution"),
  head_norm: bool(false, "a norm after the last convolution, which then has no bias"),
  /** The designs whose blocks have squeeze-excite set it. */
  se_layer: { ...seLayer, ignored: true },
  se_from_exp: bool(true, "squeeze-excite ratios are of the expanded width, not of the block's input"),
  /** The designs whose blocks have a layer scale set it. */
  layer_scale_init_value: { ...optional(number(1e-5, "initial layer scale")), ignored: true },
  design: internal<Design>(v3Large),
};

export type MobileNetV3Config = ConfigOf<typeof args>;

/** Arguments that only some generators take. */
export const generatorArgs = ["channel_multiplier", "depth_multiplier", "group_size"] as const;
