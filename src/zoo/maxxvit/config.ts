import { commonArgs, globalPool } from "../family.ts";
import { actLayer } from "../layers/act.ts";
import type { Pair } from "../layers/conv.ts";
import { mapNormLayer, normLayer } from "../layers/norm.ts";
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

/** Convolution, attention over the whole map, convolution with attention in windows and grids, the two side by side. */
export type BlockType = "C" | "T" | "M" | "PM";
const poolTypes = ["avg2", "avg", "max2", "max"] as const;
export type PoolType = (typeof poolTypes)[number];

const stemWidth: Arg<Pair> = pair(64, "widths of the two convolutions of the stem");
const window: Arg<Pair | undefined> = optional(
  pair(7, "height and width of windows; a fraction of img_size without it"),
);

export const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "the image that windows and position biases are made for"),
  global_pool: globalPool(),
  embed_dim: ints([96, 192, 384, 768], "width of each stage", { min: 1 }),
  depths: ints([2, 3, 5, 2], "blocks of each stage", { min: 1 }),
  /** Kinds of the first blocks of each stage; the last kind goes on. */
  block_type: internal<readonly (readonly BlockType[])[]>([["C"], ["C"], ["T"], ["T"]]),
  stem_width: stemWidth,
  stem_bias: bool(false, "biases of the stem"),
  head_hidden_size: optional(int(768, "width of a hidden layer before the classifier; none without it", { min: 0 })),
  weight_init: inert("initialisation; no effect at inference"),
  conv_block_type: oneOf(["mbconv", "convnext"], "mbconv", "the kind of convolution block"),
  conv_expand_ratio: number(4, "width inside a convolution block over its output, or input", { min: 0 }),
  conv_expand_output: bool(true, "that ratio is of the output"),
  conv_kernel_size: int(3, "kernel of the depthwise convolutions of mbconv", { min: 1 }),
  conv_pre_norm_act: bool(false, "an activation in the first norm of mbconv"),
  conv_output_bias: bool(true, "biases of shortcuts and last convolutions"),
  conv_stride_mode: oneOf(["pool", "1x1", "dw"], "dw", "what reduces inside a convolution block"),
  conv_pool_type: oneOf<PoolType>(poolTypes, "avg2", "the pool of shortcuts"),
  conv_downsample_pool_type: oneOf<PoolType>(poolTypes, "avg2", "the pool inside a block"),
  conv_padding: oneOf(["", "same"], "", "padding of convolutions and pools"),
  conv_attn_early: bool(false, "squeeze-excite before the second norm"),
  conv_attn_act_layer: actLayer("silu"),
  conv_attn_ratio: number(0.25, "width of squeeze-excite over the block's output, or inside", { min: 0 }),
  conv_init_values: number(1e-6, "initial LayerScale of ConvNeXt blocks; 0 for none"),
  conv_act_layer: actLayer("gelu"),
  conv_norm_layer: optional(mapNormLayer("batchnorm2d")),
  conv_norm_eps: optional(number(1e-5, "epsilon of the norms of convolution blocks", { min: 0 })),
  transformer_dim_head: int(32, "width of an attention head", { min: 1 }),
  transformer_head_first: bool(true, "heads outermost in the packed queries, keys and values"),
  transformer_expand_ratio: number(4, "width inside an MLP per width of a token", { min: 0 }),
  transformer_expand_first: bool(true, "attention is as wide as the output, not the input"),
  transformer_shortcut_bias: bool(true, "biases of shortcuts"),
  transformer_attn_bias: bool(true, "biases of attention"),
  transformer_pool_type: oneOf<PoolType>(poolTypes, "avg2", "the pool of reductions"),
  transformer_rel_pos_type: oneOf(["bias", "mlp", "bias_tf", ""], "bias", "biases by relative position"),
  transformer_rel_pos_dim: int(512, "width inside the MLP of these biases", { min: 1 }),
  transformer_partition_ratio: int(32, "img_size over a window", { min: 1 }),
  transformer_window_size: window,
  transformer_no_block_attn: bool(false, "attention in grids alone"),
  transformer_init_values: number(0, "initial LayerScale; 0 for none"),
  transformer_act_layer: actLayer("gelu"),
  transformer_norm_layer: mapNormLayer("layernorm2d"),
  transformer_norm_layer_cl: normLayer("layernorm"),
  transformer_norm_eps: number(1e-6, "epsilon of the norms of attention blocks", { min: 0 }),
};

export type MaxxVitConfig = ConfigOf<typeof args>;

/** Height and width of a window, and of a grid. */
export const partition = (c: MaxxVitConfig): Pair =>
  c.transformer_window_size ?? [
    Math.floor(c.img_size[0] / c.transformer_partition_ratio),
    Math.floor(c.img_size[1] / c.transformer_partition_ratio),
  ];

/** Height and width of a stage's map by the constructor's count. */
export function mapOf(c: MaxxVitConfig, stage: number): Pair {
  const along = (extent: number): number => {
    let size = Math.floor(extent / 2);
    for (let i = 0; i <= stage; i++) size = Math.floor((size - 1) / 2) + 1;
    return size;
  };
  return [along(c.img_size[0]), along(c.img_size[1])];
}

/** The kind of each block of a stage. */
export function typesOf(c: MaxxVitConfig, stage: number): readonly BlockType[] {
  const types = c.block_type[stage] ?? ["C"];
  return Array.from({ length: c.depths[stage] ?? 0 }, (_, i) => types[i] ?? types.at(-1) ?? "C");
}

/** What timm's constructor and forward pass fail on: the reason, or undefined. */
export function refuse(c: MaxxVitConfig): string | undefined {
  const stages = c.embed_dim.length;
  if (c.depths.length !== stages) return `depths has ${c.depths.length} entries for ${stages} stages`;
  if (stages > c.block_type.length) return `the architecture has kinds of blocks for ${c.block_type.length} stages`;
  const width = c.embed_dim.find((d) => d % c.transformer_dim_head !== 0);
  if (width !== undefined) return `embed_dim: ${width} must be divisible by transformer_dim_head`;
  if (c.conv_block_type === "convnext" && c.conv_stride_mode === "1x1") return "ConvNeXt blocks have no 1x1 stride";
  if (c.global_pool.includes("cat") && c.head_hidden_size)
    return "a pool of twice the channels does not fit the norm behind it";
  if (c.global_pool === "" && c.num_classes > 0 && !c.head_hidden_size)
    return 'global_pool="" needs num_classes=0: the classifier takes no map';
  return undefined;
}
