/** SHViT: Yun and Ro 2024 (arXiv:2401.16456), one attention head on a part of the channels. */
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs, globalPool } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { halvingStages } from "../layers/block-stages.ts";
import { squeezeExcite } from "../layers/channel-attention.ts";
import { refuseUnpooled } from "../layers/classifier.ts";
import { bnLinear, convBn, convReduction, depthwiseBn, pointwiseMlp, residual } from "../layers/conv-bn.ts";
import { groupNorm } from "../layers/norm.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { globalPool2d } from "../layers/pool.ts";
import { split } from "../layers/split.ts";
import { type ConfigOf, classOnly, dropout, internal, ints } from "../schema.ts";
import type { Module } from "../scope.ts";

const args = {
  ...commonArgs,
  drop_rate: dropout("dropout before the classifier; no effect at inference"),
  global_pool: globalPool(),
  embed_dim: ints([128, 256, 384], "channels of each stage", { min: 8 }),
  partial_dim: ints([32, 64, 96], "channels that attention sees, by stage", { min: 1 }),
  qk_dim: ints([16, 16, 16], "width of queries and keys, by stage", { min: 1 }),
  depth: ints([1, 2, 3], "blocks of each stage", { min: 0 }),
  /** Whether a stage has attention. */
  types: internal<readonly ("s" | "i")[]>(["s", "s", "s"]),
  norm_layer: classOnly(undefined, "the norm before attention"),
  act_layer: classOnly(undefined, "the activation"),
};

type ShVitConfig = ConfigOf<typeof args>;

const relu = act("relu");
const local = residual(depthwiseBn({ kernel: 3 }));
const ffn = residual(pointwiseMlp(relu));

/** Single-head self-attention (fig. 5): the first channels attend, the others pass. */
const attention =
  (qk: number, partial: number): Module =>
  (s, x) => {
    const [, c = 1, h = 1, w = 1] = x.type.shape;
    const channels = s.static(c, "the channels of a block");
    const [first, rest] = split(s, x, [partial, channels - partial], 1);
    const packed = s.chain(first, { pre_norm: groupNorm(1), qkv: convBn(2 * qk + partial) });
    const parts = split(s, packed, [qk, qk, partial], 1);
    const [q, k, v] = [toTokens(s, parts[0]), toTokens(s, parts[1]), toTokens(s, parts[2])];
    const mixed = toMap(s, s.attention(q, k, v, undefined, { scale: qk ** -0.5 }), [h, w]);
    const proj: Module = (t, y) => t.sequence(y, [relu, convBn(channels)]);
    return s.call("proj", proj, s.concat([mixed, rest], { axis: 1 }));
  };

const block =
  (c: ShVitConfig, stage: number): Module =>
  (s, x) => {
    const attends = c.types[stage] === "s";
    const mixer = residual(attention(c.qk_dim[stage] ?? 16, c.partial_dim[stage] ?? 32));
    return s.chain(x, { conv: local, mixer: attends ? mixer : undefined, ffn });
  };

/** Wide depthwise convolution of stride 2 with squeeze-excite. */
const patchMerging = (out: number): Module =>
  convReduction(out, { act: relu, ratio: 4, se: squeezeExcite({ ratio: 0.25 }) });

const stage =
  (c: ShVitConfig, i: number): Module =>
  (s, x) => {
    const width = c.embed_dim[i] ?? 0;
    const changes = i > 0 && width !== c.embed_dim[i - 1];
    const blocks = Array<Module>(c.depth[i] ?? 0).fill(block(c, i));
    return s.chain(x, {
      downsample: changes ? (t, y) => t.sequence(y, [local, ffn, patchMerging(width), local, ffn]) : undefined,
      blocks: (t, y) => t.sequence(y, blocks),
    });
  };

/** Four strided convolutions that double the channels. */
const stem =
  (width: number): Module =>
  (s, x) => {
    const half = (by: number): Module => convBn(Math.floor(width / by), { kernel: 3, stride: 2 });
    return s.sequence(x, [half(8), relu, half(4), relu, half(2), relu, half(1)]);
  };

const row = (embed_dim: readonly number[], depth: readonly number[], partial_dim: readonly number[]) => ({
  embed_dim,
  depth,
  partial_dim,
  types: ["i", "s", "s"] as const,
});

export default defineFamily({
  name: "shvit",
  paper: "https://arxiv.org/abs/2401.16456",
  args,
  variants: {
    shvit_s1: row([128, 224, 320], [2, 4, 5], [32, 48, 68]),
    shvit_s2: row([128, 308, 448], [2, 4, 5], [32, 66, 96]),
    shvit_s3: row([192, 352, 448], [3, 5, 5], [48, 75, 96]),
    shvit_s4: row([224, 336, 448], [4, 7, 6], [48, 72, 96]),
  },
  refuse: (c) => {
    const stages = c.embed_dim.length;
    const lists = { partial_dim: c.partial_dim, qk_dim: c.qk_dim, depth: c.depth, types: c.types };
    for (const [name, list] of Object.entries(lists))
      if (list.length < stages) return `${name} has ${list.length} entries for ${stages} stages`;
    if (c.global_pool.endsWith("catavgmax") && c.num_classes > 0)
      return `global_pool=${c.global_pool} doubles the channels, and the classifier takes those of the last stage`;
    return refuseUnpooled(c);
  },
  groups: (coarse) => [
    stemGroup(/patch_embed/),
    ...(coarse
      ? [blockGroup(/stages\.(\d+)/)]
      : [blockGroup(/stages\.(\d+).downsample/, "first"), blockGroup(/stages\.(\d+)\.blocks\.(\d+)/)]),
  ],
  build: (s, input, c) => {
    const stages: Stage[] = [];
    const trunk = halvingStages(
      c.embed_dim.map((_, i) => stage(c, i)),
      stages,
      16,
    );
    const features = s.chain(input, { patch_embed: stem(c.embed_dim[0] ?? 0), stages: trunk });
    const pooled = s.call("global_pool", globalPool2d(c.global_pool), features);
    const logits = s.chain(pooled, { head: bnLinear(c.num_classes) });
    return { forwardFeatures: [features], preLogits: [pooled], logits: [logits], stages, format: "NCHW" };
  },
});
