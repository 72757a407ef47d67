/** TinyViT: Wu et al. 2022 (arXiv:2207.10666), inverted residuals, then attention in windows with a local convolution. */
import type { Dim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs, globalPool } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { halvingStages } from "../layers/block-stages.ts";
import { callHead, normMlpHead } from "../layers/classifier-head.ts";
import type { Pair } from "../layers/conv.ts";
import { convBn, convReduction, depthwiseBn } from "../layers/conv-bn.ts";
import { splitByHead } from "../layers/head-major.ts";
import { mergeHeads } from "../layers/heads.ts";
import { linear } from "../layers/linear.ts";
import { channelsLast, layerNorm } from "../layers/norm.ts";
import { offsetBias } from "../layers/offset-bias.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { cropMap, mapSize, padToWindows, windowPartition, windowReverse } from "../layers/window.ts";
import { offsetBiasToModel } from "../remap/offset-bias.ts";
import type { Remap } from "../remap/remap.ts";
import { drop } from "../remap/steps.ts";
import { type ConfigOf, classOnly, dropRates, inert, int, ints, number } from "../schema.ts";
import type { Module, Scope } from "../scope.ts";

const stageList = { min: 1, length: 4 };

const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool(),
  embed_dims: ints([96, 192, 384, 768], "channels of each stage", { min: 2, length: 4 }),
  depths: ints([2, 2, 6, 2], "blocks of each stage", { min: 0, length: 4 }),
  num_heads: ints([3, 6, 12, 24], "attention heads of each stage", stageList),
  window_sizes: ints([7, 7, 14, 7], "height and width of the windows, by stage", stageList),
  mlp_ratio: number(4, "width inside an MLP over that of its stage", { min: 0 }),
  mbconv_expand_ratio: number(4, "width inside an inverted residual over its input", { min: 0 }),
  local_conv_size: int(3, "kernel of the convolutions between attention and MLP", { min: 1 }),
  use_checkpoint: inert("gradient checkpointing; no effect at inference"),
  act_layer: classOnly(undefined, "the activation"),
};

type Config = ConfigOf<typeof args>;

const gelu = act("gelu");
const norm = layerNorm(1e-5);

const mbConv =
  (ratio: number): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const y = s.chain(x, {
      conv1: convBn(Math.trunc(channels * ratio), {}, "conv"),
      act1: gelu,
      conv2: depthwiseBn({ kernel: 3 }, "conv"),
      act2: gelu,
      conv3: convBn(channels, {}, "conv"),
    });
    return s.call("act3", gelu, s.add(y, x));
  };

/** Attention of the tokens of a window [N, L, C], with a bias per offset. */
const attention =
  (heads: number, window: Pair): Module =>
  (s, x) => {
    const width = s.features(x);
    const dim = width / heads;
    const [q, k, v] = splitByHead(s, s.chain(x, { norm, qkv: linear(3 * width) }), heads, [dim, dim, dim]);
    const bias = offsetBias(s, s.param("attention_biases", [heads, window[0] * window[1]]), window);
    const mixed = s.attention(q, k, v, bias, { scale: dim ** -0.5 });
    return s.call("proj", linear(width), mergeHeads(s, mixed));
  };

/** Attention in the windows of an NHWC map; a map of one window is not cut. */
function attendInWindows(s: Scope, x: Value, heads: number, window: Pair): Value {
  const [n = 1, h = 1, w = 1, c = 1] = x.type.shape;
  const module = attention(heads, window);
  if (h === window[0] && w === window[1])
    return s.reshape(s.call("attn", module, s.reshape(x, { shape: [n, window[0] * window[1], c] })), {
      shape: [n, h, w, c],
    });
  const padded = padToWindows(s, x, window);
  const attended = s.call("attn", module, windowPartition(s, padded, window));
  return cropMap(s, windowReverse(s, attended, window, padded), mapSize(x));
}

const normMlp =
  (ratio: number): Module =>
  (s, x) => {
    const width = s.features(x);
    return s.chain(x, { norm, fc1: linear(Math.trunc(width * ratio)), act: gelu, fc2: linear(width) });
  };

/** Fig. 2 of the paper: attention, convolution, MLP, on NHWC maps. */
const block =
  (c: Config, stage: number): Module =>
  (s, x) => {
    const side = c.window_sizes[stage] ?? 7;
    const y = s.add(x, attendInWindows(s, x, c.num_heads[stage] ?? 1, [side, side]));
    const map = s.transpose(y, { perm: [0, 3, 1, 2] });
    const padding = Math.floor(c.local_conv_size / 2);
    const local = s.call("local_conv", depthwiseBn({ kernel: c.local_conv_size, padding }, "conv"), map);
    const tokens = toTokens(s, local);
    const size: readonly [Dim, Dim] = [local.type.shape[2] ?? 1, local.type.shape[3] ?? 1];
    const mixed = s.add(tokens, s.call("mlp", normMlp(c.mlp_ratio), tokens));
    return s.transpose(toMap(s, mixed, size), { perm: [0, 2, 3, 1] });
  };

const stem =
  (width: number): Module =>
  (s, x) =>
    s.chain(x, {
      conv1: convBn(Math.floor(width / 2), { kernel: 3, stride: 2 }, "conv"),
      act: gelu,
      conv2: convBn(width, { kernel: 3, stride: 2 }, "conv"),
    });

const stage =
  (c: Config, i: number): Module =>
  (s, x) => {
    const depth = c.depths[i] ?? 0;
    if (i === 0)
      return s.chain(x, {
        blocks: (t, y) => t.sequence(y, Array<Module>(depth).fill(mbConv(c.mbconv_expand_ratio))),
      });
    const merged = s.call("downsample", convReduction(c.embed_dims[i] ?? 0, { act: gelu, name: "conv" }), x);
    const nhwc = s.transpose(merged, { perm: [0, 2, 3, 1] });
    const mixed = s.call("blocks", (t, y) => t.sequence(y, Array<Module>(depth).fill(block(c, i))), nhwc);
    return s.transpose(mixed, { perm: [0, 3, 1, 2] });
  };

const row = (embed_dims: readonly number[], num_heads: readonly number[], side = 7) => ({
  embed_dims,
  num_heads,
  window_sizes: [side, side, 2 * side, side],
});

const remap: Remap = {
  layouts: [],
  tail: [
    drop(/attention_bias_idxs$/, "a table that follows from the window"),
    offsetBiasToModel(/^.*attention_biases$/),
  ],
};

export default defineFamily({
  name: "tiny_vit",
  paper: "https://arxiv.org/abs/2207.10666",
  args,
  variants: {
    tiny_vit_5m_224: row([64, 128, 160, 320], [2, 4, 5, 10]),
    tiny_vit_11m_224: row([64, 128, 256, 448], [2, 4, 8, 14]),
    tiny_vit_21m_224: row([96, 192, 384, 576], [3, 6, 12, 18]),
    tiny_vit_21m_384: row([96, 192, 384, 576], [3, 6, 12, 18], 12),
    tiny_vit_21m_512: row([96, 192, 384, 576], [3, 6, 12, 18], 16),
  },
  refuse: (c) => {
    if (c.global_pool.endsWith("catavgmax"))
      return `global_pool=${c.global_pool} doubles the channels, and the head's norm takes those of the last stage`;
    const undivided = c.num_heads.findIndex((heads, i) => i > 0 && (c.embed_dims[i] ?? 0) % heads !== 0);
    return undivided < 0 ? undefined : `num_heads=${c.num_heads[undivided]} does not divide the width of its stage`;
  },
  groups: (coarse) => [
    stemGroup(/patch_embed/),
    ...(coarse
      ? [blockGroup(/stages\.(\d+)/)]
      : [blockGroup(/stages\.(\d+).downsample/, "first"), blockGroup(/stages\.(\d+)\.\w+\.(\d+)/)]),
  ],
  remap: () => remap,
  build: (s, input, c) => {
    const stages: Stage[] = [];
    const trunk = halvingStages(
      c.embed_dims.map((_, i) => stage(c, i)),
      stages,
    );
    const features = s.chain(input, { patch_embed: stem(c.embed_dims[0] ?? 0), stages: trunk });
    const head = normMlpHead({ classes: c.num_classes, pool: c.global_pool, norm: channelsLast(norm) });
    const { preLogits, logits } = callHead(s, "head", head, features);
    return { forwardFeatures: [features], preLogits: [preLogits], logits: [logits], stages, format: "NCHW" };
  },
});
