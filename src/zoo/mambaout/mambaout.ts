/** MambaOut: Yu and Wang 2024, "Do we really need Mamba for vision?" (arXiv:2405.07992). */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs, firstStages, globalPools } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act, actLayer } from "../layers/act.ts";
import { halvingStages } from "../layers/block-stages.ts";
import { callHead } from "../layers/classifier-head.ts";
import { fullyConnected } from "../layers/classifier.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { layerScale } from "../layers/layer-scale.ts";
import { linear } from "../layers/linear.ts";
import { layerNorm } from "../layers/norm.ts";
import { globalPoolOver } from "../layers/pool.ts";
import { split } from "../layers/split.ts";
import { type ConfigOf, bool, classOnly, dropRates, int, ints, number, oneOf, optional } from "../schema.ts";
import type { Module, Scope } from "../scope.ts";
import { remap } from "./remap.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: oneOf(globalPools, "avg", 'pooling before the classifier; the default head knows "avg" and none'),
  depths: ints([3, 3, 9, 3], "blocks of each stage", { min: 0 }),
  dims: ints([96, 192, 384, 576], "width of each stage", { min: 2 }),
  act_layer: actLayer("gelu"),
  norm_layer: classOnly<undefined>(undefined, "the norms"),
  conv_ratio: number(1, "channels that are convolved over the width of a stage", { min: 0 }),
  expansion_ratio: number(8 / 3, "width inside a block over the width of a stage", { min: 0 }),
  kernel_size: int(7, "kernel of the convolutions", { min: 1 }),
  stem_mid_norm: bool(true, "a norm inside the stem"),
  ls_init_value: optional(number(1e-6, "initial LayerScale; without it there is none")),
  downsample: oneOf(["conv", "conv_nf"], "conv", "the norm after a reduction, or before"),
  head_fn: oneOf(["default", "norm_mlp"], "default", "the head: with a norm of the hidden layer, or without"),
};

type MambaOutConfig = ConfigOf<typeof args>;
type Row = Partial<MambaOutConfig>;

const norm = layerNorm(1e-6);

/** A module of NCHW maps on an NHWC one. */
const onChannels =
  (module: Module): Module =>
  (s, x) =>
    s.transpose(module(s, s.transpose(x, { perm: [0, 3, 1, 2] })), { perm: [0, 2, 3, 1] });

const halving = (width: number): Module => conv2d(width, { kernel: 3, stride: 2, padding: 1, bias: true });

/** To an NHWC map. */
const stem =
  (c: MambaOutConfig): Module =>
  (s, x) => {
    const width = c.dims[0] ?? 1;
    const first = s.transpose(s.call("conv1", halving(Math.floor(width / 2)), x), { perm: [0, 2, 3, 1] });
    return s.chain(first, {
      norm1: c.stem_mid_norm ? norm : undefined,
      act: act(c.act_layer),
      conv2: onChannels(halving(width)),
      norm2: norm,
    });
  };

/** Fig. 1 (b): a gate, channels that pass, and channels that are convolved. */
const block =
  (c: MambaOutConfig): Module =>
  (s, x) => {
    const width = s.features(x);
    const hidden = Math.trunc(c.expansion_ratio * width);
    const convolved = Math.trunc(c.conv_ratio * width);
    const y = s.chain(x, { norm, fc1: linear(2 * hidden) });
    const [gate, passed, mixed] = split(s, y, [hidden, hidden - convolved, convolved]);
    const conv = depthwise({ kernel: c.kernel_size, padding: Math.floor(c.kernel_size / 2), bias: true });
    const inner = s.concat([passed, s.call("conv", onChannels(conv), mixed)], { axis: 3 });
    const z = s.chain(s.mul(s.call("act", act(c.act_layer), gate), inner), {
      fc2: linear(width),
      ls: c.ls_init_value === undefined ? undefined : layerScale,
    });
    return s.add(z, x);
  };

const stageModule =
  (c: MambaOutConfig, stage: number): Module =>
  (s, x) => {
    const conv = onChannels(halving(c.dims[stage] ?? 1));
    const down: Module = (t, y) => t.chain(y, c.downsample === "conv" ? { conv, norm } : { norm, conv });
    const blocks: Module = (t, y) =>
      t.sequence(
        y,
        Array.from({ length: c.depths[stage] ?? 0 }, () => block(c)),
      );
    return s.chain(x, { downsample: stage > 0 ? down : undefined, blocks });
  };

function refuse(c: MambaOutConfig): string | undefined {
  if (c.dims.length < c.depths.length) return `dims has ${c.dims.length} entries for ${c.depths.length} stages`;
  if (c.kernel_size % 2 === 0) return "kernel_size must be odd: maps keep their size";
  const narrow = c.dims.find((d) => Math.trunc(c.conv_ratio * d) > Math.trunc(c.expansion_ratio * d));
  if (narrow !== undefined) return "conv_ratio must not exceed expansion_ratio";
  if (c.head_fn === "norm_mlp" && !["", "avg", "max", "avgmax"].includes(c.global_pool))
    return `this head has no global_pool=${JSON.stringify(c.global_pool)}`;
  return undefined;
}

/** Pool, norm, hidden layer of four times the width, classifier. The default head pools for "avg" alone. */
const head = (c: MambaOutConfig) => (s: Scope, x: Value) => {
  const width = s.features(x);
  const isDefault = c.head_fn === "default";
  const pooled = globalPoolOver(s, x, isDefault && c.global_pool !== "avg" ? "" : c.global_pool, [1, 2]);
  const hidden: Module = (t, y) =>
    t.chain(y, { fc: linear(4 * width), act: act("gelu"), norm: isDefault ? norm : undefined });
  const preLogits = s.chain(pooled, { norm, pre_logits: hidden });
  return { preLogits, logits: s.chain(preLogits, { fc: fullyConnected(c.num_classes) }) };
};

const small: Row = { depths: [3, 4, 27, 3] };
const base: Row = { ...small, dims: [128, 256, 512, 768] };
const rw: Row = { stem_mid_norm: false, downsample: "conv_nf", ls_init_value: 1e-6, head_fn: "norm_mlp" };
const wide: Row = { ...base, ...rw, expansion_ratio: 3, conv_ratio: 1.5, act_layer: "silu" };

export default defineFamily({
  name: "mambaout",
  paper: "https://arxiv.org/abs/2405.07992",
  args,
  variants: {
    mambaout_femto: { dims: [48, 96, 192, 288] },
    mambaout_kobe: { depths: [3, 3, 15, 3], dims: [48, 96, 192, 288] },
    mambaout_tiny: {},
    mambaout_small: small,
    mambaout_base: base,
    mambaout_small_rw: { ...small, ...rw },
    mambaout_base_short_rw: { ...base, ...rw, depths: [3, 3, 25, 3], expansion_ratio: 3, conv_ratio: 1.25 },
    mambaout_base_tall_rw: { ...base, ...rw, depths: [3, 4, 30, 3], expansion_ratio: 2.5, conv_ratio: 1.25 },
    mambaout_base_wide_rw: wide,
    mambaout_base_plus_rw: { ...wide, depths: [3, 4, 30, 3] },
    test_mambaout: { ...rw, depths: [1, 1, 3, 1], dims: [16, 32, 48, 64], expansion_ratio: 3, act_layer: "silu" },
  },
  refuse,
  groups: (coarse) => [
    stemGroup(/stem/),
    ...(coarse
      ? [blockGroup(/stages\.(\d+)/)]
      : [blockGroup(/stages\.(\d+)\.downsample/, "first"), blockGroup(/stages\.(\d+)\.blocks\.(\d+)/)]),
  ],
  remap: () => remap,
  build: (s, image, c) => {
    const stages: Stage[] = [];
    const all = halvingStages(
      c.depths.map((_, i) => stageModule(c, i)),
      stages,
      4,
      "NHWC",
    );
    const features = s.chain(image, { stem: stem(c), stages: all });
    const { preLogits, logits } = callHead(s, "head", head(c), features);
    return {
      forwardFeatures: [features],
      preLogits: [preLogits],
      logits: [logits],
      stages,
      defaultStages: firstStages(4, stages),
      format: "NHWC",
    };
  },
});
