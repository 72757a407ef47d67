/** FasterNet: Chen et al. 2023 (arXiv:2303.03667), convolutions over a part of the channels. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs, firstStages, globalPool } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { type ActName, act } from "../layers/act.ts";
import { noting } from "../layers/block-stages.ts";
import { flatten } from "../layers/classifier-head.ts";
import { fullyConnected, refuseUnpooled } from "../layers/classifier.ts";
import { conv2d } from "../layers/conv.ts";
import { batchNorm } from "../layers/norm.ts";
import { globalPool2d } from "../layers/pool.ts";
import { split } from "../layers/split.ts";
import { type ConfigOf, bool, classOnly, dropRates, int, ints, number, oneOf } from "../schema.ts";
import type { Module } from "../scope.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool(),
  embed_dim: int(96, "channels of the first stage", { min: 1 }),
  depths: ints([1, 2, 8, 2], "blocks of each stage", { min: 1 }),
  mlp_ratio: number(2, "width of the MLPs over their channels", { min: 0.1 }),
  n_div: int(4, "the part of the channels that is convolved, inverted", { min: 1 }),
  patch_size: int(4, "height and width of a patch", { min: 1 }),
  merge_size: int(2, "height and width of what becomes one position from stage to stage", { min: 1 }),
  patch_norm: bool(true, "a norm behind the patches"),
  feature_dim: int(1280, "width of the last convolution", { min: 1 }),
  layer_scale_init_value: number(0, "initial value of the scales of residuals; none at 0 and below"),
  act_layer: classOnly<ActName>("relu", "the activation"),
  norm_layer: classOnly("batchnorm", "the normalisation"),
  pconv_fw_type: oneOf(["split_cat", "slicing"], "split_cat", "how timm computes partial convolutions"),
};

type Config = ConfigOf<typeof args>;

/** Fig. 4: a 3x3 convolution over the first channels alone. */
const partialConv =
  (parts: number): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const width = Math.floor(channels / parts);
    const conv = conv2d(width, { kernel: 3, padding: 1 });
    const [first, rest] = split(s, x, [width, channels - width], 1);
    const y = s.call("partial_conv3", conv, first);
    return width === channels ? y : s.concat([y, rest], { axis: 1 });
  };

const block =
  (c: Config): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const layers = [conv2d(Math.trunc(channels * c.mlp_ratio)), batchNorm(), act(c.act_layer), conv2d(channels)];
    const y = s.chain(x, { spatial_mixing: partialConv(c.n_div), mlp: (t, z) => t.sequence(z, layers) });
    if (c.layer_scale_init_value <= 0) return s.add(x, y);
    const scale = s.reshape(s.param("layer_scale", [channels]), { shape: [channels, 1, 1] });
    return s.add(x, s.mul(scale, y));
  };

const merge =
  (out: number, size: number): Module =>
  (s, x) =>
    s.chain(x, { reduction: conv2d(out, { kernel: size, stride: size, padding: 0 }), norm: batchNorm() });

const tiny = { act_layer: "gelu" } as const;

export default defineFamily({
  name: "fasternet",
  paper: "https://arxiv.org/abs/2303.03667",
  args,
  variants: {
    fasternet_t0: { embed_dim: 40, ...tiny },
    fasternet_t1: { embed_dim: 64, ...tiny },
    fasternet_t2: { embed_dim: 96 },
    fasternet_s: { embed_dim: 128, depths: [1, 2, 13, 2] },
    fasternet_m: { embed_dim: 144, depths: [3, 4, 18, 3] },
    fasternet_l: { embed_dim: 192, depths: [3, 4, 18, 3] },
  },
  refuse: (c) => {
    if (c.depths.length === 0) return "a network without stages has no width for its head";
    if (c.global_pool.endsWith("catavgmax"))
      return `global_pool=${c.global_pool}: the last convolution has no room for two pools`;
    return refuseUnpooled(c);
  },
  groups: (coarse) =>
    coarse
      ? [stemGroup(/patch_embed/), blockGroup(/stages\.(\d+)/)]
      : [
          stemGroup(/patch_embed/),
          blockGroup(/stages\.(\d+).downsample/, "first"),
          blockGroup(/stages\.(\d+)\.blocks\.(\d+)/),
          blockGroup(/conv_head/, "last"),
        ],
  build: (s, input, c) => {
    const proj = conv2d(c.embed_dim, { kernel: c.patch_size, stride: c.patch_size, padding: 0 });
    const norm = c.patch_norm ? batchNorm() : undefined;
    const patches = s.call("patch_embed", (t, y) => t.chain(y, { proj, norm }), input);
    const modules = c.depths.map((depth, i): Module => {
      const downsample = i === 0 ? undefined : merge(c.embed_dim * 2 ** i, c.merge_size);
      const blocks = Array.from({ length: depth }, () => block(c));
      return (t, y) => t.chain(y, { downsample, blocks: (u, z) => u.sequence(z, blocks) });
    });
    const outputs: Value[] = [];
    const x = s.call("stages", noting(modules, outputs), patches);
    const stages = outputs.map((value, i): Stage => {
      return { module: `stages.${i}`, value, reduction: 4 * 2 ** i, format: "NCHW" };
    });
    const preLogits = s.chain(x, {
      global_pool: globalPool2d(c.global_pool, true),
      conv_head: conv2d(c.feature_dim),
      act: act(c.act_layer),
      flatten: c.global_pool === "" ? undefined : flatten,
    });
    const logits = s.chain(preLogits, { classifier: fullyConnected(c.num_classes) });
    return {
      forwardFeatures: [x],
      preLogits: [preLogits],
      logits: [logits],
      stages,
      format: "NCHW",
      defaultStages: firstStages(4, stages),
    };
  },
});
