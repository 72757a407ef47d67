/** PVT v2: Wang et al. 2021, "Improved baselines with pyramid vision transformer" (arXiv:2106.13797). */
import { type Dim, mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { adaptiveAvgPool } from "../layers/adaptive-avg-pool.ts";
import { halvingStages } from "../layers/block-stages.ts";
import { fullyConnected } from "../layers/classifier.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { linear } from "../layers/linear.ts";
import { layerNorm } from "../layers/norm.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { globalPoolOver } from "../layers/pool.ts";
import { reducedAttention } from "../layers/reduced-attention.ts";
import {
  type ConfigOf,
  bool,
  classOnly,
  dropRates,
  dropout,
  int,
  ints,
  number,
  oneOf,
  perStage,
  stagewise,
} from "../schema.ts";
import type { Module, Scope } from "../scope.ts";
import { remap } from "./remap.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: oneOf(["avg", ""], "avg", 'pooling before the classifier; "" keeps the map'),
  depths: ints([3, 4, 6, 3], "blocks of each stage", { min: 0 }),
  embed_dims: ints([64, 128, 256, 512], "width of each stage", { min: 1 }),
  num_heads: perStage(int(1, "attention heads of each stage", { min: 1 }), [1, 2, 4, 8]),
  sr_ratios: perStage(int(8, "how much coarser keys and values are in each stage", { min: 1 }), [8, 4, 2, 1]),
  mlp_ratios: perStage(number(8, "width inside an MLP per width of a token in each stage", { min: 0 }), [8, 8, 4, 4]),
  qkv_bias: bool(true, "biases of queries, keys and values"),
  linear: bool(false, "keys and values pooled to 7x7, whatever the size"),
  norm_layer: classOnly<undefined>(undefined, "the norms"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
};

type PvtConfig = ConfigOf<typeof args>;
type Row = Partial<PvtConfig>;
type Grid = readonly [Dim, Dim];

const norm = layerNorm(1e-6);
const torchNorm = layerNorm(1e-5);

/** Section 3.2: patches that overlap; to a map [N, H, W, C]. */
const overlapPatches =
  (width: number, kernel: 3 | 7, stride: 2 | 4): Module =>
  (s, x) => {
    const map = s.call("proj", conv2d(width, { kernel, stride, padding: (kernel - 1) / 2, bias: true }), x);
    return s.call("norm", torchNorm, s.transpose(map, { perm: [0, 2, 3, 1] }));
  };

/** Section 3.3: a depthwise convolution inside the MLP. */
const convMlp =
  (hidden: number, grid: Grid, relu: boolean): Module =>
  (s, x) => {
    const width = s.features(x);
    const map = toMap(s, s.call("fc1", linear(hidden), x), grid);
    const conv = depthwise({ kernel: 3, padding: 1, bias: true });
    const mixed = toTokens(s, s.chain(map, { relu: relu ? act("relu") : undefined, dwconv: conv }));
    return s.chain(mixed, { act: act("gelu"), fc2: linear(width) });
  };

/** Section 3.1: in the linear form, keys and values are pooled to 7x7. */
function attentionOf(c: PvtConfig, stage: number, grid: Grid): Module {
  const width = c.embed_dims[stage] ?? 1;
  const common = { heads: stagewise(c.num_heads, c.depths.length)[stage] ?? 1, qkvBias: c.qkv_bias };
  if (c.linear) {
    const reduce = (s: Scope, map: Value): Value =>
      s.chain(map, { pool: adaptiveAvgPool([7, 7]), sr: conv2d(width, { bias: true }) });
    return reducedAttention(grid, { ...common, reduce, after: { norm: torchNorm, act: act("gelu") } });
  }
  const ratio = stagewise(c.sr_ratios, c.depths.length)[stage] ?? 1;
  if (ratio === 1) return reducedAttention(grid, common);
  const conv = conv2d(width, { kernel: ratio, stride: ratio, padding: 0, bias: true });
  return reducedAttention(grid, { ...common, reduce: (s, map) => s.call("sr", conv, map), after: { norm: torchNorm } });
}

const stageModule =
  (c: PvtConfig, stage: number): Module =>
  (s, x) => {
    const width = c.embed_dims[stage] ?? 1;
    const map = s.chain(x, { downsample: stage > 0 ? overlapPatches(width, 3, 2) : undefined });
    const [n = 1, h = 1, w = 1] = map.type.shape;
    const grid = [h, w] as const;
    const hidden = Math.trunc(width * (stagewise(c.mlp_ratios, c.depths.length)[stage] ?? 4)) || width;
    const block: Module = (t, y) => {
      const z = t.add(y, t.chain(y, { norm1: norm, attn: attentionOf(c, stage, grid) }));
      return t.add(z, t.chain(z, { norm2: norm, mlp: convMlp(hidden, grid, c.linear) }));
    };
    const blocks: Module = (t, y) =>
      t.sequence(
        y,
        Array.from({ length: c.depths[stage] ?? 0 }, () => block),
      );
    const tokens = s.chain(s.reshape(map, { shape: [n, mulDim(h, w), width] }), { blocks, norm });
    return toMap(s, tokens, grid);
  };

function refuse(c: PvtConfig): string | undefined {
  const stages = c.depths.length;
  const lists = { embed_dims: c.embed_dims, num_heads: c.num_heads, sr_ratios: c.sr_ratios, mlp_ratios: c.mlp_ratios };
  for (const [name, list] of Object.entries(lists))
    if (Array.isArray(list) && (name === "embed_dims" ? list.length !== stages : list.length < stages))
      return `${name} has ${list.length} entries for ${stages} stages`;
  const all = stagewise(c.num_heads, stages);
  const at = c.embed_dims.findIndex((width, i) => width % (all[i] ?? 1) !== 0);
  if (at >= 0) return `embed_dims: ${c.embed_dims[at]} must be divisible by num_heads=${all[at]}`;
  return c.global_pool === "" && c.num_classes > 0
    ? 'global_pool="" needs num_classes=0: the classifier takes no map'
    : undefined;
}

const wide: Row = { embed_dims: [64, 128, 320, 512], num_heads: [1, 2, 5, 8] };

export default defineFamily({
  name: "pvt_v2",
  paper: "https://arxiv.org/abs/2106.13797",
  args,
  variants: {
    pvt_v2_b0: { depths: [2, 2, 2, 2], embed_dims: [32, 64, 160, 256], num_heads: [1, 2, 5, 8] },
    pvt_v2_b1: { ...wide, depths: [2, 2, 2, 2] },
    pvt_v2_b2: wide,
    pvt_v2_b3: { ...wide, depths: [3, 4, 18, 3] },
    pvt_v2_b4: { ...wide, depths: [3, 8, 27, 3] },
    pvt_v2_b5: { ...wide, depths: [3, 6, 40, 3], mlp_ratios: [4, 4, 4, 4] },
    pvt_v2_b2_li: { ...wide, linear: true },
  },
  refuse,
  groups: () => [stemGroup(/patch_embed/), blockGroup(/stages\.(\d+)/)],
  remap: () => remap,
  build: (s, image, c) => {
    const stages: Stage[] = [];
    const all = halvingStages(
      c.depths.map((_, i) => stageModule(c, i)),
      stages,
    );
    const features = s.chain(image, { patch_embed: overlapPatches(c.embed_dims[0] ?? 1, 7, 4), stages: all });
    const preLogits = globalPoolOver(s, features, c.global_pool, [2, 3]);
    const logits = s.chain(preLogits, { head: fullyConnected(c.num_classes) });
    return { forwardFeatures: [features], preLogits: [preLogits], logits: [logits], stages, format: "NCHW" };
  },
});
