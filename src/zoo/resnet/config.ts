import { commonArgs, globalPool } from "../family.ts";
import { type AaLayer, aaLayers } from "../layers/blur-pool.ts";
import { actLayer } from "../layers/act.ts";
import { type AttnLayer, attnLayers } from "../layers/channel-attention.ts";
import { mapNormLayer } from "../layers/norm.ts";
import { type Arg, type ConfigOf, bool, dropRates, inert, int, internal, ints, oneOf, optional } from "../schema.ts";

export type BlockKind = "basic" | "bottleneck";

export interface BlockArgs {
  readonly attn_layer?: AttnLayer;
  /** Reduction of squeeze-excite, where it is not 1/16. */
  readonly rd_ratio?: number;
}

/** timm passes block_args to the block as keywords; attn_layer is the one that its models use. */
const blockArgs: Arg<BlockArgs> = {
  type: `{"attn_layer": ${attnLayers.map((a) => JSON.stringify(a)).join(" | ")}}`,
  default: {},
  doc: "extra arguments of every block",
  inert: false,
  read: (v) => {
    if (typeof v !== "object" || v === null || Array.isArray(v)) return undefined;
    const entries = Object.entries(v as Record<string, unknown>);
    const name = attnLayers.find((a) => a === (v as Record<string, unknown>)["attn_layer"]);
    if (entries.length === 0) return {};
    return entries.length === 1 && name !== undefined ? { attn_layer: name } : undefined;
  },
};

/** Arguments of the class that ResNet shares with the networks that replace its blocks. */
export const networkArgs = {
  ...commonArgs,
  ...dropRates,
  layers: ints([3, 4, 6, 3], "blocks of each stage", { min: 1, length: 4 }),
  output_stride: oneOf([8, 16, 32], 32, "the stride of the last stage; strides beyond it become dilation"),
  global_pool: globalPool(),
  cardinality: int(1, "groups of the 3x3 convolution of a bottleneck", { min: 1 }),
  base_width: int(64, "width of a bottleneck per 64 planes and group", { min: 1 }),
  stem_width: int(64, "width of a deep stem", { min: 4 }),
  stem_type: oneOf(["", "deep", "deep_tiered"], "", "one 7x7 convolution, or three 3x3 ones"),
  replace_stem_pool: bool(false, "a strided convolution instead of the stem's max pool"),
  block_reduce_first: int(1, "divides the first width of every block", { min: 1 }),
  down_kernel_size: int(1, "kernel of the shortcut convolutions", { min: 1 }),
  avg_down: bool(false, "an average pool instead of the stride of shortcuts"),
  channels: ints([64, 128, 256, 512], "planes of each stage", { min: 1, length: 4 }),
  act_layer: actLayer("relu"),
  norm_layer: mapNormLayer("batchnorm"),
  aa_layer: optional(
    oneOf<AaLayer>(aaLayers, "avg", "anti-aliasing instead of strides; timm takes a name only with replace_stem_pool"),
  ),
  drop_block_rate: inert("drop block; no effect at inference"),
  zero_init_last: inert("initialisation; no effect at inference"),
};

export const args = {
  ...networkArgs,
  /** One kind of block, or one per stage. */
  block: internal<BlockKind | readonly BlockKind[]>("bottleneck"),
  block_args: blockArgs,
  /** Output channels by convolution path, for pruned variants. */
  widths: internal<Readonly<Record<string, number>> | undefined>(undefined),
};

export type ResNetConfig = ConfigOf<typeof args>;
