import { commonArgs, globalPools } from "../family.ts";
import { actLayer } from "../layers/act.ts";
import { type AaLayer, aaLayers } from "../layers/blur-pool.ts";
import { normActLayerOr } from "../layers/norm-act.ts";
import {
  type Arg,
  type ConfigOf,
  bool,
  dropRates,
  inert,
  int,
  internal,
  ints,
  number,
  oneOf,
  optional,
  pair,
} from "../schema.ts";
import { type AttnName, attnKeywords, attnNames } from "./attn.ts";
import {
  type BlockKeywords,
  type BlockRow,
  type Downsample,
  type HeadType,
  type StemPool,
  type StemType,
  downsamples,
  headTypes,
  stemPools,
  stemTypes,
} from "./design.ts";

/** A stage: one row, or several one after the other. */
export type StageRow = BlockRow | readonly BlockRow[];

const width = int(32, "", { min: 1 });
const widths = ints([], "", { min: 1 });

const stemWidths: Arg<number | readonly number[]> = {
  type: "integer >= 1, or a list of integers with one per convolution",
  default: 32,
  doc: "width of the stem, or of each of its convolutions",
  inert: false,
  read: (v) => (Array.isArray(v) ? (v.length > 0 ? widths.read(v) : undefined) : width.read(v)),
};

export const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: optional(
    oneOf(["token", ...globalPools], "avg", 'pooling before the classifier; "" keeps the map, token is of attention'),
  ),
  output_stride: int(32, "the stride of the last stage; strides beyond it become dilation", { min: 1 }),
  img_size: optional(pair(224, "height and width that attention over positions is made for")),
  blocks: internal<readonly StageRow[]>([]),
  downsample: oneOf<Downsample>(downsamples, "conv1x1", 'shortcuts that change the shape; none at all with ""'),
  stem_type: oneOf<StemType>(stemTypes, "3x3", "the convolutions of the stem"),
  stem_pool: oneOf<StemPool>(stemPools, "maxpool", "the pool after a stem of plain convolutions"),
  stem_chs: stemWidths,
  width_factor: number(1, "multiplies the channels of every layer", { min: 0 }),
  num_features: int(0, "width of a last convolution; 0 for none", { min: 0 }),
  fixed_input_size: bool(false, "the network needs img_size"),
  act_layer: actLayer("relu"),
  norm_layer: normActLayerOr({ kind: "batchnorm" }),
  aa_layer: oneOf<AaLayer | "">([...aaLayers, ""], "", "anti-aliasing instead of the strides of convolutions"),
  head_type: oneOf<HeadType>(headTypes, "classifier", "a linear layer, with a hidden one, or pooling by attention"),
  head_hidden_size: optional(int(0, "width of the hidden layer, or of attention", { min: 0 })),
  attn_layer: oneOf<AttnName | "">([...attnNames, ""], "", "channel attention in blocks that do not say their own"),
  attn_kwargs: attnKeywords,
  block_kwargs: internal<BlockKeywords>({}),
  drop_block_rate: inert("drop block; no effect at inference"),
  drop_block_size: inert("drop block; no effect at inference"),
  zero_init_last: inert("initialisation; no effect at inference"),
};

export type ByobConfig = ConfigOf<typeof args>;
