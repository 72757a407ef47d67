import { commonArgs, globalPool } from "../family.ts";
import { fixedArg } from "../fixed.ts";
import { type ConfigOf, bool, dropRates, ignored, int, internal } from "../schema.ts";

export interface StageDesign {
  readonly mid: number;
  readonly out: number;
  readonly depth: number;
  /** A depthwise convolution halves the resolution first. */
  readonly downsample: boolean;
  /** Layers are a 1x1 and a depthwise convolution. */
  readonly light: boolean;
  readonly kernel: number;
  readonly layers: number;
}

export interface Design {
  /** The first version has plain stems and gates, the second one aggregates in two steps. */
  readonly version: 1 | 2;
  readonly stem: readonly number[];
  readonly stages: readonly StageDesign[];
}

export const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool(),
  head_hidden_size: int(2048, "width of the last convolution", { min: 1 }),
  use_lab: bool(false, "a learned scale and shift behind each activation"),
  output_stride: ignored("the stride of the last stage"),
  act_layer: ignored("the activation"),
  norm_layer: ignored("the normalisation"),
  img_size: ignored("the input size, which nothing depends on"),
  design: internal<Design>({ version: 1, stem: [], stages: [] }),
  fixed: fixedArg,
};

export type HgNetConfig = ConfigOf<typeof args>;
