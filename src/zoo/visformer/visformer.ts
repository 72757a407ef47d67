/** Visformer: Chen et al. 2021 (arXiv:2104.12533), convolutional blocks first, attention on maps after. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { commonArgs, globalPool } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { poolAndClassify, refuseUnpooled } from "../layers/classifier.ts";
import { type Pair, conv2d } from "../layers/conv.ts";
import { multiHeadMix } from "../layers/attention.ts";
import { batchNorm } from "../layers/norm.ts";
import { patchEmbed, toMap, toTokens } from "../layers/patch-embed.ts";
import { roundHalfEven } from "../layers/rounding.ts";
import { split } from "../layers/split.ts";
import {
  type ConfigOf,
  bool,
  classOnly,
  dropRates,
  dropout,
  inert,
  int,
  internal,
  ints,
  number,
  pair,
} from "../schema.ts";
import type { Module } from "../scope.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  pos_drop_rate: dropout("dropout; no effect at inference"),
  proj_drop_rate: dropout("dropout; no effect at inference"),
  attn_drop_rate: dropout("dropout; no effect at inference"),
  img_size: pair(224, "height and width of the input"),
  patch_size: int(16, "pixels per position in the second stage", { min: 8 }),
  global_pool: globalPool(),
  init_channels: int(32, "width of the stem", { min: 1 }),
  embed_dim: int(384, "width of the second stage; the first has half, the third twice as much", { min: 2 }),
  depth: ints([7, 4, 4], "blocks of each stage", { min: 0, length: 3 }),
  num_heads: int(6, "attention heads", { min: 1 }),
  mlp_ratio: number(4, "width inside an MLP over that of its stage", { min: 0 }),
  group: int(8, "groups of the spatial convolutions", { min: 1 }),
  use_pos_embed: bool(true, "learned positions before each stage"),
  /** Which stages attend, and which have a spatial convolution in their MLPs. */
  attends: internal<readonly boolean[]>([false, true, true]),
  spatial: internal<readonly boolean[]>([true, false, false]),
  conv_init: inert("initialisation; no effect at inference"),
  norm_layer: classOnly(undefined, "the normalisation"),
  embed_norm: classOnly(undefined, "the norm after patches"),
};

type Config = ConfigOf<typeof args>;

const attention =
  (heads: number, headRatio: number): Module =>
  (s, x) => {
    const [, c = 1, h = 1, w = 1] = x.type.shape;
    const channels = s.static(c, "the width of attention");
    const dim = roundHalfEven(Math.floor(channels / heads) * headRatio);
    const width = heads * dim;
    const packed = toTokens(s, s.call("qkv", conv2d(3 * width), x));
    const mixed = multiHeadMix(s, split(s, packed, [width, width, width]), { heads });
    return s.call("proj", conv2d(channels), toMap(s, mixed, [h, w]));
  };

/** 1x1 convolutions, with a grouped 3x3 one in between where the stage has it. */
const spatialMlp =
  (c: Config, spatial: boolean): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const convolved = c.group < 2 ? Math.floor((channels * 5) / 6) : 2 * channels;
    const hidden = spatial ? convolved : Math.trunc(channels * c.mlp_ratio);
    const gelu = act("gelu");
    return s.chain(x, {
      conv1: conv2d(hidden),
      act1: gelu,
      conv2: spatial ? conv2d(hidden, { kernel: 3, groups: c.group }) : undefined,
      act2: spatial ? gelu : undefined,
      conv3: conv2d(channels),
    });
  };

const block =
  (c: Config, stage: number): Module =>
  (s, x) => {
    const attn = attention(c.num_heads, stage === 0 ? 0.5 : 1);
    const y = c.attends[stage] === true ? s.add(x, s.chain(x, { norm1: batchNorm(), attn })) : x;
    return s.add(y, s.chain(y, { norm2: batchNorm(), mlp: spatialMlp(c, c.spatial[stage] ?? false) }));
  };

const stem =
  (width: number): Module =>
  (s, x) =>
    s.sequence(x, [conv2d(width, { kernel: 7, stride: 2 }), batchNorm(), act("relu")]);

const divided = ([h, w]: Pair, by: number): Pair => [Math.floor(h / by), Math.floor(w / by)];

const row = (init_channels: number, embed_dim: number, num_heads: number) => ({ init_channels, embed_dim, num_heads });

export default defineFamily({
  name: "visformer",
  paper: "https://arxiv.org/abs/2104.12533",
  args,
  variants: {
    visformer_tiny: row(16, 192, 3),
    visformer_small: row(32, 384, 6),
  },
  refuse: refuseUnpooled,
  fixedSize: () =>
    "patch_embed1 to patch_embed3 take the maps of img_size alone, and pos_embed1 to pos_embed3 are added as they are",
  groups: () => [
    stemGroup(/patch_embed1|pos_embed1|stem/),
    blockGroup(/stage(\d+)\.(\d+)/),
    blockGroup(/(?:patch_embed|pos_embed)(\d+)/, "first"),
    blockGroup(/norm/, "last"),
  ],
  build: (s, input, c) => {
    let size = divided(c.img_size, 2);
    const trunk = c.depth.reduce<Value>(
      (x, depth, i) => {
        const patch = Math.floor(c.patch_size / (i === 0 ? 4 : 8));
        const width = Math.floor((c.embed_dim * 2 ** i) / 2);
        const embed = patchEmbed({ patch: [patch, patch], width, norm: batchNorm(), format: "NCHW", size });
        const embedded = s.call(`patch_embed${i + 1}`, embed, x);
        size = divided(size, patch);
        const placed = c.use_pos_embed ? s.add(embedded, s.param(`pos_embed${i + 1}`, [1, width, ...size])) : embedded;
        const blocks = Array<Module>(depth).fill(block(c, i));
        return s.call(`stage${i + 1}`, (t, y) => t.sequence(y, blocks), placed);
      },
      s.call("stem", stem(c.init_channels), input),
    );
    const features = s.call("norm", batchNorm(), trunk);
    const head = poolAndClassify(s, features, c.global_pool, c.num_classes, "head");
    return {
      forwardFeatures: [features],
      preLogits: [head.preLogits],
      logits: [head.logits],
      stages: [],
      format: "NCHW",
    };
  },
});
