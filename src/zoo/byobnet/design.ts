/** What a network of timm's byobnet is made of, as data: stages of blocks, a stem, a head. */
import type { ActName } from "../layers/act.ts";
import type { AaLayer } from "../layers/blur-pool.ts";
import type { Pair } from "../layers/conv.ts";
import type { NormAct } from "../layers/norm-act.ts";
import type { Module } from "../scope.ts";
import type { AttnKeywords, AttnName } from "./attn.ts";

/** Blocks that a row names; other families bring their own. */
type BlockName = "basic" | "bottle" | "dark" | "edge" | "rep" | "one";

/** Options of a kind of block; those that it does not have are left out. */
export interface BlockKeywords {
  readonly kernel_size?: number;
  /** A second spatial convolution in a bottleneck. */
  readonly extra_conv?: boolean;
  /** No activation after the sum. */
  readonly linear_out?: boolean;
  /** The bottleneck's width is a ratio of its input, not of its output. */
  readonly bottle_in?: boolean;
  /** Parallel convolutions of a MobileOne block. */
  readonly num_conv_branches?: number;
}

export interface BlockRow {
  readonly type: BlockName | BlockMaker;
  /** How often it stands in its stage. */
  readonly d?: number;
  readonly c: number;
  /** Stride of the stage, said by its first block. */
  readonly s?: number;
  /** Channels per group, 0 for one group; or `alternate`: this many groups in every second block. */
  readonly gs?: number | { readonly alternate: number };
  /** Width inside over the width outside. */
  readonly br?: number;
  /** Instead of the network's; "" for none. */
  readonly attn_layer?: AttnName | "";
  /** Instead of the network's. */
  readonly block_kwargs?: BlockKeywords;
}

/** The layers of a network, as its blocks use them. */
export interface Layers {
  readonly conv: (out: number, options?: ConvKeywords) => Module;
  /** The norm alone. */
  readonly norm: Module;
  readonly normAct: Module;
  readonly act: Module;
  readonly actName: ActName;
  readonly attn: ((channels: number) => Module) | undefined;
}

interface ConvKeywords {
  readonly kernel?: number;
  readonly stride?: number;
  readonly dilation?: number;
  readonly groups?: number;
  readonly act?: boolean;
}

/** What one block needs to know of its place in the network. */
export interface Place extends BlockKeywords {
  readonly in: number;
  readonly out: number;
  readonly stride: number;
  readonly dilation: readonly [first: number, rest: number];
  readonly groupSize: number;
  readonly ratio: number;
  readonly downsample: Downsample;
  readonly layers: Layers;
  /** The map's size where img_size says it. */
  readonly size: Pair | undefined;
}

export type BlockMaker = (place: Place) => Module;

export const downsamples = ["conv1x1", "avg", ""] as const;
export type Downsample = (typeof downsamples)[number];

export const stemTypes = ["", "quad", "quad2", "tiered", "deep", "rep", "one", "7x7", "3x3"] as const;
export type StemType = (typeof stemTypes)[number];

export const stemPools = ["", "max", "maxpool", "avg", "avgpool", "max2", "avg2"] as const;
export type StemPool = (typeof stemPools)[number];

export const headTypes = ["", "classifier", "mlp", "attn_abs"] as const;
export type HeadType = (typeof headTypes)[number];

/** The parts of a network that its layers are made of. */
export interface Style {
  readonly act_layer: ActName;
  readonly norm_layer: NormAct;
  readonly aa_layer: AaLayer | "";
  readonly attn_layer: AttnName | "";
  readonly attn_kwargs: AttnKeywords;
}
