/** MobileViT's blocks: a transformer over the pixels that lie at one place of their patch, between convolutions. */
import { type Dim, ceilDivDim, mulDim, sameDim, scaleDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { BlockMaker } from "../byobnet/design.ts";
import { attention } from "../layers/attention.ts";
import { groupsOf } from "../byobnet/blocks.ts";
import { conv2d } from "../layers/conv.ts";
import { mlp } from "../layers/mlp.ts";
import { groupNorm, layerNorm } from "../layers/norm.ts";
import { makeDivisible } from "../layers/rounding.ts";
import { split } from "../layers/split.ts";
import type { Module, Scope } from "../scope.ts";
import type { ActName } from "../layers/act.ts";

interface VitOptions {
  /** Width of the transformer; by the block's ratio without it. */
  readonly width?: number;
  readonly depth: number;
  readonly patch: number;
}

const mlpRatio = 2;
const heads = 4;

/** Resized so that whole patches cover it. */
function wholePatches(s: Scope, x: Value, patch: number, align_corners: boolean): Value {
  const [h = 1, w = 1] = x.type.shape.slice(2);
  const size = [h, w].map((extent) => scaleDim(ceilDivDim(extent, patch), patch));
  return resizeTo(s, x, size, align_corners);
}

function resizeTo(s: Scope, x: Value, size: readonly Dim[], align_corners: boolean): Value {
  const same = size.every((extent, i) => sameDim(extent, x.type.shape[i + 2] ?? 0));
  return same ? x : s.resize(x, { axes: [2, 3], size: [...size], mode: "linear", align_corners });
}

/** [N, C, h p, w p] as [N, C, h, p, w, p], and its axes brought into another order. */
function patches(s: Scope, x: Value, patch: number, perm: readonly number[]): Value {
  const [n = 1, c = 1, h = 1, w = 1] = x.type.shape;
  const cells = s.reshape(x, { shape: [n, c, ceilDivDim(h, patch), patch, ceilDivDim(w, patch), patch] });
  return s.transpose(cells, { perm: [...perm] });
}

/** A pre-norm transformer block of tokens (Dosovitskiy et al. 2020). */
const transformerBlock =
  (act: ActName): Module =>
  (s, x) => {
    const width = s.features(x);
    const norm = layerNorm(1e-5);
    const y = s.add(x, s.chain(x, { norm1: norm, attn: attention({ heads, qkvBias: true }) }));
    return s.add(y, s.chain(y, { norm2: norm, mlp: mlp(width * mlpRatio, { act }) }));
  };

/** Mehta and Rastegari 2021 (arXiv:2110.02178), fig. 1 (b). */
export const mobileVitBlock =
  (o: VitOptions): BlockMaker =>
  ({ in: channels, out, ratio, groupSize, stride, dilation, layers, kernel_size: kernel = 3 }) =>
  (s, x) => {
    const width = o.width ?? makeDivisible(ratio * channels);
    const groups = groupsOf(channels, groupSize);
    const local = s.chain(x, {
      conv_kxk: layers.conv(channels, { kernel, stride, groups, dilation: dilation[0] }),
      conv_1x1: conv2d(width),
    });
    const whole = wholePatches(s, local, o.patch, false);
    const [n = 1, , h = 1, w = 1] = whole.type.shape;
    const [rows, columns] = [ceilDivDim(h, o.patch), ceilDivDim(w, o.patch)];
    const tokens = s.reshape(patches(s, whole, o.patch, [0, 3, 5, 2, 4, 1]), {
      shape: [mulDim(n, o.patch ** 2), mulDim(rows, columns), width],
    });
    const mixed = s.chain(tokens, {
      transformer: (t, y) => t.sequence(y, Array<Module>(o.depth).fill(transformerBlock(layers.actName))),
      norm: layerNorm(1e-5),
    });
    const cells = s.reshape(mixed, { shape: [n, o.patch, o.patch, rows, columns, width] });
    const map = s.reshape(s.transpose(cells, { perm: [0, 5, 3, 1, 4, 2] }), { shape: [n, width, h, w] });
    const back = resizeTo(s, map, local.type.shape.slice(2), false);
    const global = s.call("conv_proj", layers.conv(out), back);
    return s.call("conv_fusion", layers.conv(out, { kernel }), s.concat([x, global], { axis: 1 }));
  };

/**
 * Separable self-attention (Mehta and Rastegari 2022, arXiv:2206.02680, fig. 4 c) of [N, C, places, patches]: one softmax
 * weighs the keys of all patches to a context, which scales the values.
 */
const linearAttention: Module = (s, x) => {
  const width = s.channels(x);
  const packed = s.call("qkv_proj", conv2d(1 + 2 * width, { bias: true }), x);
  const [query, key, value] = split(s, packed, [1, width, width], 1);
  const scores = s.softmax(query, { axis: -1 });
  const context = s.reduce_sum(s.mul(key, scores), { axes: [-1], keep: true });
  const out = s.mul(s.activation(value, { kind: "relu" }), context);
  return s.call("out_proj", conv2d(width, { bias: true }), out);
};

const linearTransformerBlock =
  (act: ActName): Module =>
  (s, x) => {
    const width = s.channels(x);
    const norm = groupNorm(1);
    const y = s.add(x, s.chain(x, { norm1: norm, attn: linearAttention }));
    return s.add(y, s.chain(y, { norm2: norm, mlp: mlp(width * mlpRatio, { act, conv: true }) }));
  };

/** MobileViT V2's block (arXiv:2206.02680): the map keeps the size of whole patches, and there is no fusion. */
export const mobileVitV2Block =
  (o: VitOptions): BlockMaker =>
  ({ in: channels, out, ratio, groupSize, dilation, layers, kernel_size: kernel = 3 }) =>
  (s, x) => {
    const width = o.width ?? makeDivisible(ratio * channels);
    const groups = groupsOf(channels, groupSize);
    const whole = wholePatches(s, x, o.patch, true);
    const [n = 1, , h = 1, w = 1] = whole.type.shape;
    const [rows, columns] = [ceilDivDim(h, o.patch), ceilDivDim(w, o.patch)];
    const local = s.chain(whole, {
      conv_kxk: layers.conv(channels, { kernel, groups, dilation: dilation[0] }),
      conv_1x1: conv2d(width),
    });
    const tokens = s.reshape(patches(s, local, o.patch, [0, 1, 3, 5, 2, 4]), {
      shape: [n, width, o.patch ** 2, mulDim(rows, columns)],
    });
    const mixed = s.chain(tokens, {
      transformer: (t, y) => t.sequence(y, Array<Module>(o.depth).fill(linearTransformerBlock(layers.actName))),
      norm: groupNorm(1),
    });
    const cells = s.reshape(mixed, { shape: [n, width, o.patch, o.patch, rows, columns] });
    const map = s.reshape(s.transpose(cells, { perm: [0, 1, 4, 2, 5, 3] }), { shape: [n, width, h, w] });
    return s.call("conv_proj", layers.conv(out, { act: false }), map);
  };
