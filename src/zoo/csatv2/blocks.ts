/** CSATv2's blocks: ConvNeXt V2's with spatial attention, and transformer blocks with convolutional positions. */
import type { Dim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { act } from "../layers/act.ts";
import { adaptiveAvgPool } from "../layers/adaptive-avg-pool.ts";
import { multiHeadMix } from "../layers/attention.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { convPositions } from "../layers/conv-positions.ts";
import { globalResponseNorm } from "../layers/grn.ts";
import { layerScale, layerScale2d } from "../layers/layer-scale.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { layerNorm } from "../layers/norm.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { split } from "../layers/split.ts";
import type { Module } from "../scope.ts";

type Size = readonly [Dim, Dim];

const norm = layerNorm(1e-5);
const sizeOf = (map: Value): Size => [map.type.shape[2] ?? 1, map.type.shape[3] ?? 1];

/**
 * A transformer on maps of one channel. A layer norm over one channel leaves nothing but its bias, so all rows of timm's
 * attention, which goes across the pictures of a batch, are equal, and it returns the values as they are.
 */
const singleChannelTransformer: Module = (s, x) => {
  const size = sizeOf(x);
  const tokens = s.chain(toTokens(s, x), { norm1: norm, pos_embed: convPositions(size) });
  const [, , values] = split(s, s.call("qkv", linear(3, { bias: false }), tokens), [1, 1, 1]);
  const y = s.add(x, toMap(s, values, size));
  return s.add(y, toMap(s, s.chain(toTokens(s, y), { norm2: norm, mlp: mlp(4) }), size));
};

const attentionSide = 7;

/** A gate for every position, from the mean and the maximum of the channels on a map of 7x7. */
const spatialAttention: Module = (s, x) => {
  const mean = s.reduce_mean(x, { axes: [1], keep: true });
  const max = s.reduce_max(x, { axes: [1], keep: true });
  const small = s.call("avgpool", adaptiveAvgPool([attentionSide, attentionSide]), s.concat([mean, max], { axis: 1 }));
  return s.chain(small, { conv: conv2d(1, { kernel: 7, bias: true }), attn: singleChannelTransformer });
};

/** A large depthwise convolution, an MLP with response normalisation, a gate. */
export const convBlock =
  (scaled: boolean): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const local = s.call("dwconv", depthwise({ kernel: 7, bias: true }), x);
    const mixed = s.chain(s.transpose(local, { perm: [0, 2, 3, 1] }), {
      norm: layerNorm(1e-6),
      pwconv1: linear(4 * channels),
      act: act("gelu"),
      grn: globalResponseNorm(3),
      pwconv2: linear(channels),
    });
    const map = s.transpose(mixed, { perm: [0, 3, 1, 2] });
    const gate = s.resize(s.call("attn", spatialAttention, map), {
      axes: [2, 3],
      size: [...sizeOf(map)],
      mode: "linear",
      align_corners: true,
    });
    return s.add(x, s.chain(s.mul(map, gate), { ls: scaled ? layerScale2d : undefined }));
  };

const heads = 8;
const headDim = 32;

const attention: Module = (s, x) => {
  const width = heads * headDim;
  const packed = s.call("qkv", linear(3 * width, { bias: false }), x);
  const mixed = multiHeadMix(s, split(s, packed, [width, width, width]), { heads });
  return s.call("proj", linear(s.features(x)), mixed);
};

/** Attention and an MLP, each added to the map. */
export const transformerBlock =
  (scaled: boolean): Module =>
  (s, x) => {
    const size = sizeOf(x);
    const tokens = toTokens(s, x);
    const ls = scaled ? layerScale : undefined;
    const y = s.add(tokens, s.chain(tokens, { norm1: norm, pos_embed: convPositions(size), attn: attention, ls1: ls }));
    const z = s.add(y, s.chain(y, { norm2: norm, mlp: mlp(4 * s.features(y)), ls2: ls }));
    return toMap(s, z, size);
  };
