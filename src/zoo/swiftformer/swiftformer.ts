/** SwiftFormer: Shaker et al. 2023 (arXiv:2303.15446), additive attention at the end of each stage. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { fullyConnected } from "../layers/classifier.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { normedAtEnd } from "../layers/intermediate.ts";
import { layerScaleOfMaps } from "../layers/layer-scale.ts";
import { linear } from "../layers/linear.ts";
import { batchNorm } from "../layers/norm.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { globalPoolOver } from "../layers/pool.ts";
import { meanOfHeads } from "../layers/two-heads.ts";
import { unitLength } from "../layers/unit-length.ts";
import { type ConfigOf, bool, classOnly, dropRates, inert, int, ints, number, oneOf } from "../schema.ts";
import type { Module } from "../scope.ts";
import { remap } from "./remap.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  img_size: inert("height and width of the input, which timm does not use"),
  output_stride: oneOf([32], 32, "the stride of the last stage: dilation is not supported"),
  global_pool: oneOf(["avg", ""], "avg", 'pooling before the classifier; "" keeps the map'),
  layers: ints([3, 3, 6, 4], "blocks of each stage", { min: 1, length: 4 }),
  embed_dims: ints([48, 56, 112, 220], "channels of each stage", { min: 2, length: 4 }),
  mlp_ratios: number(4, "width inside an MLP over that of its stage", { min: 0 }),
  down_patch_size: int(3, "kernel of the convolutions between stages", { min: 1 }),
  down_stride: int(2, "stride of the convolutions between stages", { min: 1 }),
  down_pad: int(1, "zeros around the maps between stages", { min: 0 }),
  use_layer_scale: bool(true, "a learned scale per channel on every branch"),
  layer_scale_init_value: inert("initialisation; no effect at inference"),
  act_layer: classOnly(undefined, "the activation"),
};

type Config = ConfigOf<typeof args>;

const scaleOf = (c: Config): Module | undefined => (c.use_layer_scale ? layerScaleOfMaps : undefined);
const pointwise = (out: number): Module => conv2d(out, { bias: true });

/** Fig. 3: a depthwise convolution, then two pointwise ones, `hidden` wide in between, added to the input. */
const convEncoder =
  (c: Config, ratio: number): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const y = s.chain(x, {
      dwconv: depthwise({ kernel: 3, bias: true }),
      norm: batchNorm(),
      pwconv1: pointwise(Math.trunc(ratio * channels)),
      act: act("gelu"),
      pwconv2: pointwise(channels),
      layer_scale: scaleOf(c),
    });
    return s.add(x, y);
  };

/** Efficient additive attention (fig. 2 d): one global query, a weighted sum of all, multiplies the keys. */
const additiveAttention: Module = (s, x) => {
  const [, , h = 1, w = 1] = x.type.shape;
  const width = s.channels(x);
  const tokens = toTokens(s, x);
  const query = unitLength(s, s.call("to_query", linear(width), tokens));
  const key = unitLength(s, s.call("to_key", linear(width), tokens));
  const scores = s.mul(s.matmul(query, s.param("w_g", [width, 1])), s.scalar(width ** -0.5));
  const global = s.reduce_sum(s.mul(unitLength(s, scores, 1), query), { axes: [1], keep: true });
  const out = s.add(s.call("proj", linear(width), s.mul(global, key)), query);
  return toMap(s, s.call("final", linear(width), out), [h, w]);
};

const mlp =
  (ratio: number): Module =>
  (s, x) => {
    const channels = s.channels(x);
    return s.chain(x, {
      norm1: batchNorm(),
      fc1: pointwise(Math.trunc(channels * ratio)),
      act: act("gelu"),
      fc2: pointwise(channels),
    });
  };

const attentionBlock =
  (c: Config): Module =>
  (s, x) => {
    const local = s.call("local_representation", convEncoder(c, 1), x);
    const y = s.add(local, s.chain(local, { attn: additiveAttention, layer_scale_1: scaleOf(c) }));
    return s.add(y, s.chain(y, { linear: mlp(c.mlp_ratios), layer_scale_2: scaleOf(c) }));
  };

const stage =
  (c: Config, i: number): Module =>
  (s, x) => {
    const depth = c.layers[i] ?? 1;
    const proj = conv2d(c.embed_dims[i] ?? 0, {
      kernel: c.down_patch_size,
      stride: c.down_stride,
      padding: c.down_pad,
      bias: true,
    });
    const blocks = [...Array<Module>(depth - 1).fill(convEncoder(c, c.mlp_ratios)), attentionBlock(c)];
    return s.chain(x, {
      downsample: i === 0 ? undefined : (t, y) => t.chain(y, { proj, norm: batchNorm() }),
      blocks: (t, y) => t.sequence(y, blocks),
    });
  };

const stem =
  (width: number): Module =>
  (s, x) => {
    const half = (out: number): Module => conv2d(out, { kernel: 3, stride: 2, bias: true });
    const relu = act("relu");
    return s.sequence(x, [half(Math.floor(width / 2)), batchNorm(), relu, half(width), batchNorm(), relu]);
  };

export default defineFamily({
  name: "swiftformer",
  paper: "https://arxiv.org/abs/2303.15446",
  args,
  variants: {
    swiftformer_xs: { layers: [3, 3, 6, 4], embed_dims: [48, 56, 112, 220] },
    swiftformer_s: { layers: [3, 3, 9, 6], embed_dims: [48, 64, 168, 224] },
    swiftformer_l1: { layers: [4, 3, 10, 5], embed_dims: [48, 96, 192, 384] },
    swiftformer_l3: { layers: [4, 4, 12, 6], embed_dims: [64, 128, 320, 512] },
  },
  refuse: (c) =>
    c.global_pool === "" && c.num_classes > 0
      ? 'global_pool="" needs num_classes=0: the classifier takes no map'
      : undefined,
  groups: (coarse) => [
    stemGroup(/stem/),
    ...(coarse
      ? [blockGroup(/stages\.(\d+)/)]
      : [
          blockGroup(/stages\.(\d+).downsample/, "first"),
          blockGroup(/stages\.(\d+)\.blocks\.(\d+)/),
          blockGroup(/norm/, "last"),
        ]),
  ],
  remap: () => remap,
  build: (s, input, c) => {
    const stages: Stage[] = [];
    const trunk: Module = (t, y) =>
      c.embed_dims.reduce<Value>((x, _, i) => {
        const value = t.call(i, stage(c, i), x);
        const intermediate = normedAtEnd(s, value, i === 3 ? { path: "norm", module: batchNorm() } : undefined);
        stages.push({ module: `stages.${i}`, value, reduction: 4 * 2 ** i, format: "NCHW", intermediate });
        return value;
      }, y);
    const features = s.chain(input, { stem: stem(c.embed_dims[0] ?? 0), stages: trunk, norm: batchNorm() });
    const pooled = globalPoolOver(s, features, c.global_pool, [2, 3]);
    const logits = meanOfHeads(s, pooled, fullyConnected(c.num_classes));
    return { forwardFeatures: [features], preLogits: [pooled], logits: [logits], stages, format: "NCHW" };
  },
});
