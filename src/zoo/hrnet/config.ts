import { commonArgs, globalPool } from "../family.ts";
import { type ConfigOf, bool, dropRates, ignored, int, internal, oneOf } from "../schema.ts";

/** One for each resolution: `width` at a quarter of the input, twice of it at every next one. */
export interface Design {
  readonly width: number;
  /** Bottlenecks of the first stage, and their planes. */
  readonly first: readonly [blocks: number, planes: number];
  /** Modules of stages 2 to 4, and blocks of each branch in them. */
  readonly modules: readonly [number, number, number];
  readonly blocks: number;
}

export const args = {
  ...commonArgs,
  drop_rate: dropRates.drop_rate,
  global_pool: globalPool(),
  output_stride: oneOf([32], 32, "the stride of the last stage"),
  stem_width: int(64, "width of the first convolution", { min: 1 }),
  head: oneOf(["classification", "incre", ""], "classification", "what stands behind the branches"),
  head_conv_bias: bool(true, "biases of the convolutions that join the branches"),
  features_only: bool(false, "the network is built for its feature stages alone"),
  feature_location: oneOf(
    ["incre", ""],
    "incre",
    "with features_only: the widened branches, or the branches themselves",
  ),
  act_layer: ignored("the activation"),
  norm_layer: ignored("the normalisation"),
  img_size: ignored("the input size, which nothing depends on"),
  drop_path_rate: ignored("stochastic depth"),
  design: internal<Design>({ width: 18, first: [4, 64], modules: [1, 4, 3], blocks: 4 }),
};

export type HrNetConfig = ConfigOf<typeof args>;
