/** FocalNet: Yang et al. 2022, "Focal modulation networks" (arXiv:2203.11926). */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs, globalPool } from "../family.ts";
import { fixedArg, refuseFixed } from "../fixed.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { refuseUnpooled } from "../layers/classifier.ts";
import { callHead, classifierHead, normMlpHead } from "../layers/classifier-head.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { normedAtEnd } from "../layers/intermediate.ts";
import { layerScale2d } from "../layers/layer-scale.ts";
import { mlp } from "../layers/mlp.ts";
import { channelsLast, layerNorm } from "../layers/norm.ts";
import { split } from "../layers/split.ts";
import { type ConfigOf, bool, classOnly, dropRates, dropout, inert, int, ints, number, optional } from "../schema.ts";
import type { Module } from "../scope.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool(),
  embed_dim: int(96, "width of the first stage; every stage doubles it", { min: 1 }),
  depths: ints([2, 2, 6, 2], "blocks of each stage", { min: 0 }),
  mlp_ratio: number(4, "width inside an MLP over the width of its stage", { min: 0 }),
  focal_levels: ints([2, 2, 2, 2], "levels of context in each stage", { min: 0 }),
  focal_windows: ints([3, 3, 3, 3], "kernel of the first level in each stage", { min: 1 }),
  use_overlap_down: bool(false, "patches that overlap"),
  use_post_norm: bool(false, "norms at the end of the residual branches"),
  use_post_norm_in_modulation: bool(false, "a norm of the modulated features"),
  normalize_modulator: bool(false, "the mean of the levels instead of their sum"),
  layerscale_value: optional(number(1e-4, "initial LayerScale; without it there is none")),
  head_hidden_size: optional(int(512, "width of a hidden layer before the classifier; none without it", { min: 0 })),
  head_init_scale: inert("initialisation; no effect at inference"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  norm_layer: classOnly<undefined>(undefined, "the norms"),
  fixed: fixedArg,
};

export type FocalNetConfig = ConfigOf<typeof args>;

const norm = channelsLast(layerNorm(1e-5));

/** Eq. 4 to 6: contexts of growing windows, gated and summed, multiply the queries. */
const modulation =
  (c: FocalNetConfig, stage: number): Module =>
  (s, x) => {
    const width = s.channels(x);
    const levels = c.focal_levels[stage] ?? 2;
    const window = c.focal_windows[stage] ?? 3;
    const packed = s.call("f", conv2d(2 * width + levels + 1, { bias: true }), x);
    const [q, first, gates] = split(s, packed, [width, width, levels + 1], 1);
    const gated = (y: Value, level: number): Value => s.mul(y, s.slice(gates, { axis: 1, range: [level, level + 1] }));
    let context = first;
    let sum: Value | undefined;
    for (let level = 0; level < levels; level++) {
      const kernel = 2 * level + window;
      const layers = [depthwise({ kernel, padding: Math.floor(kernel / 2) }), act("gelu")];
      context = s.at("focal_layers").call(level, (t, y) => t.sequence(y, layers), context);
      const part = gated(context, level);
      sum = sum === undefined ? part : s.add(sum, part);
    }
    const mean = s.call("act", act("gelu"), s.reduce_mean(context, { axes: [2, 3], keep: true }));
    const whole = gated(mean, levels);
    const all = sum === undefined ? whole : s.add(sum, whole);
    const modulator = c.normalize_modulator ? s.div(all, s.scalar(levels + 1)) : all;
    const mixed = s.mul(q, s.call("h", conv2d(width, { bias: true }), modulator));
    return s.chain(mixed, {
      norm: c.use_post_norm_in_modulation ? norm : undefined,
      proj: conv2d(width, { bias: true }),
    });
  };

const block =
  (c: FocalNetConfig, stage: number): Module =>
  (s, x) => {
    const [before, after] = c.use_post_norm ? [undefined, norm] : [norm, undefined];
    const scale = c.layerscale_value === undefined ? undefined : layerScale2d;
    const width = s.channels(x);
    const y = s.add(x, s.chain(x, { norm1: before, modulation: modulation(c, stage), norm1_post: after, ls1: scale }));
    const feed = mlp(Math.trunc(width * c.mlp_ratio) || width, { conv: true });
    return s.add(y, s.chain(y, { norm2: before, mlp: feed, norm2_post: after, ls2: scale }));
  };

const downsample =
  (width: number, stride: 2 | 4, overlap: boolean): Module =>
  (s, x) => {
    const shape = overlap
      ? { kernel: stride === 4 ? 7 : 3, padding: stride === 4 ? 2 : 1 }
      : { kernel: stride, padding: 0 };
    return s.chain(x, { proj: conv2d(width, { ...shape, stride, bias: true }), norm });
  };

const stageModule =
  (c: FocalNetConfig, stage: number): Module =>
  (s, x) => {
    const down = stage > 0 ? downsample(c.embed_dim * 2 ** stage, 2, c.use_overlap_down) : undefined;
    const blocks = Array.from({ length: c.depths[stage] ?? 0 }, () => block(c, stage));
    return s.chain(x, { downsample: down, blocks: (t, y) => t.sequence(y, blocks) });
  };

function refuse(c: FocalNetConfig): string | undefined {
  const stages = c.depths.length;
  for (const [name, list] of Object.entries({ focal_levels: c.focal_levels, focal_windows: c.focal_windows })) {
    if (list.length < stages) return `${name} has ${list.length} entries for ${stages} stages`;
  }
  if (c.focal_windows.slice(0, stages).some((w) => w % 2 === 0))
    return "focal_windows must be odd: maps keep their size";
  if (!c.head_hidden_size) return refuseUnpooled(c);
  return c.global_pool.includes("cat") ? "a pool of twice the channels does not fit the norm behind it" : undefined;
}

export default defineFamily({
  name: "focalnet",
  paper: "https://arxiv.org/abs/2203.11926",
  args,
  variants,
  refuse: (c, given) => refuseFixed(c, given) ?? refuse(c),
  groups: (coarse) => [
    stemGroup(/stem/),
    ...(coarse
      ? [blockGroup(/layers\.(\d+)/)]
      : [blockGroup(/layers\.(\d+).downsample/, "first"), blockGroup(/layers\.(\d+)\.\w+\.(\d+)/)]),
    blockGroup(/norm/, "last"),
  ],
  remap,
  build: (s, image, c) => {
    const hidden = c.head_hidden_size;
    const final = hidden ? undefined : { path: "norm", module: norm };
    const stages: Stage[] = [];
    const last = c.depths.length - 1;
    const layers: Module = (t, embedded) =>
      c.depths.reduce((x, _, i) => {
        const value = t.call(i, stageModule(c, i), x);
        const intermediate = normedAtEnd(s, value, i === last ? final : undefined);
        stages.push({ module: `layers.${i}`, value, reduction: 4 * 2 ** i, format: "NCHW", intermediate });
        return value;
      }, embedded);
    const stem = downsample(c.embed_dim, 4, c.use_overlap_down);
    const features = s.chain(image, { stem, layers, norm: final?.module });
    const options = { classes: c.num_classes, pool: c.global_pool };
    const head = callHead(
      s,
      "head",
      hidden ? normMlpHead({ ...options, norm, hidden }) : classifierHead(options),
      features,
    );
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
