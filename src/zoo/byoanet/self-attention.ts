/** What the three kinds of attention over positions have in common, and the bottleneck block that holds one. */
import { TimmcError } from "../../ir/error.ts";
import type { Pair } from "../layers/conv.ts";
import { avgPool } from "../layers/pool.ts";
import { makeDivisible } from "../layers/rounding.ts";
import { finish, innerWidth } from "../byobnet/blocks.ts";
import type { BlockMaker } from "../byobnet/design.ts";
import type { Module } from "../scope.ts";

/** Where attention stands. */
export interface AttentionPlace {
  readonly channels: number;
  readonly stride: number;
  /** The map's size where img_size says it. */
  readonly size: Pair | undefined;
}

export interface HeadOptions {
  readonly heads?: number;
  /** Width of queries and keys of a head; a share of the channels without it. */
  readonly dimHead?: number;
  readonly qkRatio?: number;
}

/** Widths of one head: of queries and keys, and of values. */
export function headWidths(channels: number, o: HeadOptions & { readonly heads: number }) {
  if (channels % o.heads !== 0)
    throw new TimmcError("unsupported", `${channels} channels do not divide into ${o.heads} heads`);
  const key = o.dimHead ?? Math.floor(makeDivisible(channels * (o.qkRatio ?? 1)) / o.heads);
  return { key, value: channels / o.heads };
}

/** Strides are pools after attention. */
export const pool = (stride: number): Module | undefined => (stride === 2 ? avgPool(2) : undefined);

/** Bottleneck Transformers (Srinivas et al. 2021, arXiv:2101.11605), fig. 1: attention instead of the 3x3 convolution. */
export const selfAttentionBlock =
  (attention: (place: AttentionPlace) => Module): BlockMaker =>
  (p) =>
  (s, x) => {
    const { layers, stride, size } = p;
    const mid = innerWidth(p);
    const y = s.chain(x, {
      conv1_1x1: layers.conv(mid),
      self_attn: attention({ channels: mid, stride, size }),
      post_attn: layers.normAct,
      conv3_1x1: layers.conv(p.out, { act: false }),
    });
    return finish(s, x, y, p);
  };
