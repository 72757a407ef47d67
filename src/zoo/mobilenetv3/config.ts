import { type SeLayerName, seLayer } from "../efficientnet/se-layer.ts";
import { trunkArgs } from "../efficientnet/trunk-args.ts";
import { type Arg, type ConfigOf, bool, inert, int, internal } from "../schema.ts";
import { type Design, v3Large } from "./designs.ts";

/** Only designs without squeeze-excite leave this to the user. */
const unusedSeLayer: Arg<SeLayerName | undefined> = { ...seLayer, doc: "channel attention; no block here has any" };

export const args = {
  ...trunkArgs,
  stem_size: int(16, "width of the stem", { min: 1 }),
  num_features: int(1280, "width of the last convolution", { min: 1 }),
  head_bias: bool(true, "a bias in the last convolution"),
  head_norm: bool(false, "a norm after the last convolution, which then has no bias"),
  se_layer: unusedSeLayer,
  se_from_exp: bool(true, "squeeze-excite ratios are of the expanded width, not of the block's input"),
  layer_scale_init_value: inert("layer scale of blocks that these designs do not have; no effect"),
  design: internal<Design>(v3Large),
};

export type MobileNetV3Config = ConfigOf<typeof args>;

/** Arguments that only some generators take. */
export const generatorArgs = ["channel_multiplier", "depth_multiplier", "group_size"] as const;
