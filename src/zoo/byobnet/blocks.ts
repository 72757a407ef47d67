/** Residual blocks: of ResNet (arXiv:1512.03385, fig. 5), Darknet, EfficientNet-EdgeTPU and RegNet (2003.13678). */
import type { Value } from "../../ir/value.ts";
import { TimmcError } from "../../ir/error.ts";
import { avgDown } from "../layers/avg-down.ts";
import { makeDivisible } from "../layers/rounding.ts";
import type { Module, Scope } from "../scope.ts";
import type { BlockMaker, Layers, Place } from "./design.ts";

/** Groups of convolutions over `channels`, by the channels per group. */
export function groupsOf(channels: number, size: number): number {
  if (size === 0) return 1;
  if (channels % size === 0) return channels / size;
  throw new TimmcError("unsupported", `${channels} channels do not divide into groups of ${size}`);
}

/** Average pool, then 1x1 convolution (D variants of "Bag of Tricks"). */
const pooledShortcut =
  ({ out, stride, dilation: [first], layers }: Place): Module =>
  (s, x) =>
    s.chain(x, { pool: avgDown(stride, first), conv: layers.conv(out, { act: false }) });

/** The shortcut of a block; none at all where the shape changes and the design has no downsampling. */
function shortcut(p: Place): Module | "none" {
  const { stride, dilation, out, layers } = p;
  if (p.in === out && stride === 1 && dilation[0] === dilation[1]) return (_, x) => x;
  switch (p.downsample) {
    case "":
      return "none";
    case "avg":
      return pooledShortcut(p);
    case "conv1x1":
      return layers.conv(out, { stride, dilation: dilation[0], act: false });
    default:
      return p.downsample satisfies never;
  }
}

/** Adds the shortcut, then activates unless the block is linear. */
export function finish(s: Scope, x: Value, y: Value, p: Place): Value {
  const way = shortcut(p);
  const sum = way === "none" ? y : s.add(y, s.call("shortcut", way, x));
  return s.chain(sum, { act: p.linear_out === true ? undefined : p.layers.act });
}

/** Width of a block's inner convolutions. */
export const innerWidth = (p: Place): number => makeDivisible((p.bottle_in === true ? p.in : p.out) * p.ratio);

const attnAt = (layers: Layers, channels: number): Module | undefined => layers.attn?.(channels);

const basic: BlockMaker = (p) => (s, x) => {
  const { layers, out, stride, dilation, kernel_size: kernel = 3 } = p;
  const mid = makeDivisible(out * p.ratio);
  const groups = groupsOf(mid, p.groupSize);
  const y = s.chain(x, {
    conv1_kxk: layers.conv(mid, { kernel, stride, dilation: dilation[0] }),
    conv2_kxk: layers.conv(out, { kernel, dilation: dilation[1], groups, act: false }),
    attn_last: attnAt(layers, out),
  });
  return finish(s, x, y, p);
};

const bottle: BlockMaker = (p) => (s, x) => {
  const { layers, out, stride, dilation, kernel_size: kernel = 3 } = p;
  const mid = innerWidth(p);
  const groups = groupsOf(mid, p.groupSize);
  const y = s.chain(x, {
    conv1_1x1: layers.conv(mid),
    conv2_kxk: layers.conv(mid, { kernel, stride, dilation: dilation[0], groups }),
    conv2b_kxk: p.extra_conv === true ? layers.conv(mid, { kernel, dilation: dilation[1], groups }) : undefined,
    attn: attnAt(layers, mid),
    conv3_1x1: layers.conv(out, { act: false }),
  });
  return finish(s, x, y, p);
};

const dark: BlockMaker = (p) => (s, x) => {
  const { layers, out, stride, dilation, kernel_size: kernel = 3 } = p;
  const mid = makeDivisible(out * p.ratio);
  const groups = groupsOf(mid, p.groupSize);
  const y = s.chain(x, {
    conv1_1x1: layers.conv(mid),
    conv2_kxk: layers.conv(out, { kernel, stride, dilation: dilation[0], groups, act: false }),
    attn_last: attnAt(layers, out),
  });
  return finish(s, x, y, p);
};

const edge: BlockMaker = (p) => (s, x) => {
  const { layers, out, stride, dilation, kernel_size: kernel = 3 } = p;
  const mid = makeDivisible(out * p.ratio);
  const groups = groupsOf(mid, p.groupSize);
  const y = s.chain(x, {
    conv1_kxk: layers.conv(mid, { kernel, stride, dilation: dilation[0], groups }),
    attn: attnAt(layers, mid),
    conv2_1x1: layers.conv(out, { act: false }),
  });
  return finish(s, x, y, p);
};

export const residualBlocks = { basic, bottle, dark, edge } as const;
