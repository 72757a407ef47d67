/** EfficientViT of MIT: Cai et al. 2022 (arXiv:2205.14756); B for small devices, L for GPUs. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs, firstStages, globalPools } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { fullyConnected } from "../layers/classifier.ts";
import { type HeadModule, callHead } from "../layers/classifier-head.ts";
import { linear } from "../layers/linear.ts";
import { layerNorm } from "../layers/norm.ts";
import { globalPool2d } from "../layers/pool.ts";
import { type ConfigOf, classOnly, dropout, int, internal, ints, number, oneOf } from "../schema.ts";
import type { Module } from "../scope.ts";
import { type LocalOptions, type Style, downBlock, localBlock, residualBlock, unit, vitBlock } from "./blocks.ts";

const args = {
  ...commonArgs,
  drop_rate: dropout("dropout before the classifier; no effect at inference"),
  global_pool: oneOf(
    globalPools.filter((pool) => pool !== "" && !pool.endsWith("catavgmax")),
    "avg",
    "pooling before the classifier",
  ),
  widths: ints([8, 16, 32, 64, 128], "channels of the stem and of each stage", { min: 1 }),
  depths: ints([1, 2, 2, 2, 2], "blocks of the stem and of each stage; as many as the shorter list has", { min: 0 }),
  head_dim: int(32, "width of an attention head", { min: 1 }),
  head_widths: ints([1024, 1280], "widths of the head's convolution and of its hidden layer", { min: 1, length: 2 }),
  expand_ratio: int(4, "width inside a block over its input, of the B networks", { min: 1 }),
  norm_eps: number(1e-7, "eps of the norms of the L networks", { min: 0 }),
  norm_layer: classOnly(undefined, "the normalisation"),
  act_layer: classOnly(undefined, "the activation"),
  kind: internal<"b" | "l">("b"),
};

type Config = ConfigOf<typeof args>;

const styleOf = (c: Config): Style =>
  c.kind === "b"
    ? { act: "hard_swish", eps: 1e-5, headDim: c.head_dim }
    : { act: "gelu_tanh", eps: c.norm_eps, headDim: c.head_dim };

/** The blocks of a stage: one with the stride, then local ones or, in the last stages, those with attention. */
function blocksOf(c: Config, style: Style, stage: number): Module[] {
  const large = c.kind === "l";
  const attends = stage >= (large ? 3 : 2);
  const few = large && stage >= 2;
  const kind = large && !few ? "fused" : "default";
  const out = c.widths[stage + 1] ?? 0;
  const depth = c.depths[stage + 1] ?? 0;
  const local = (options: Pick<LocalOptions, "stride" | "ratio" | "fewerNorms">): Module =>
    localBlock(style, { kind, out, ...options });
  const widest = attends ? 24 : 16;
  const down = local({ stride: 2, ratio: large ? widest : c.expand_ratio, fewerNorms: attends || few });
  const rest = residualBlock(local({ stride: 1, ratio: large ? 4 : c.expand_ratio, fewerNorms: few }));
  const block = attends ? vitBlock(style, large ? 6 : c.expand_ratio) : rest;
  return [downBlock(down), ...Array<Module>(attends || large ? depth : Math.max(depth - 1, 0)).fill(block)];
}

const stem =
  (c: Config, style: Style): Module =>
  (s, x) => {
    const out = c.widths[0] ?? 0;
    const kind = c.kind === "b" ? "default" : "large";
    const block = residualBlock(localBlock(style, { kind, out, stride: 1, ratio: 1, fewerNorms: false }));
    const blocks = Array.from({ length: c.depths[0] ?? 0 }, (_, i) => [`res${i}`, block] as const);
    return s.chain(x, {
      in_conv: unit(style, out, { kernel: 3, stride: 2, act: true }),
      ...Object.fromEntries(blocks),
    });
  };

/** Convolution, pool, linear layer with norm and activation, classifier. The convolution's norm has torch's epsilon. */
const head =
  (c: Config, style: Style): HeadModule =>
  (s, x) => {
    const [wide = 1, hidden = 1] = c.head_widths;
    const pooled = s.chain(x, {
      in_conv: unit({ ...style, eps: 1e-5 }, wide, { act: true }),
      global_pool: globalPool2d(c.global_pool),
    });
    let preLogits = pooled;
    const logits = s.call(
      "classifier",
      (t, y) => {
        preLogits = t.sequence(y, [linear(hidden, { bias: false }), layerNorm(style.eps), act(style.act)]);
        const fc = fullyConnected(c.num_classes);
        return fc === undefined ? preLogits : t.call(4, fc, preLogits);
      },
      pooled,
    );
    return { preLogits, logits };
  };

const row = (
  kind: "b" | "l",
  width: number,
  depths: readonly number[],
  head_dim: number,
  head_widths: readonly number[],
) => ({ kind, widths: [1, 2, 4, 8, 16].map((n) => n * width), depths, head_dim, head_widths });

export default defineFamily({
  name: "efficientvit_mit",
  paper: "https://arxiv.org/abs/2205.14756",
  args,
  variants: {
    efficientvit_b0: row("b", 8, [1, 2, 2, 2, 2], 16, [1024, 1280]),
    efficientvit_b1: row("b", 16, [1, 2, 3, 3, 4], 16, [1536, 1600]),
    efficientvit_b2: row("b", 24, [1, 3, 4, 4, 6], 32, [2304, 2560]),
    efficientvit_b3: row("b", 32, [1, 4, 6, 6, 9], 32, [2304, 2560]),
    efficientvit_l1: row("l", 32, [1, 1, 1, 6, 6], 32, [3072, 3200]),
    efficientvit_l2: row("l", 32, [1, 2, 2, 8, 8], 32, [3072, 3200]),
    efficientvit_l3: row("l", 64, [1, 2, 2, 8, 8], 32, [6144, 6400]),
  },
  refuse: (c, given) => {
    const foreign = c.kind === "b" ? "norm_eps" : "expand_ratio";
    if (given.has(foreign)) return `${foreign}: the ${c.kind.toUpperCase()} networks take none`;
    return c.depths.length === 0 || c.widths.length === 0
      ? "widths and depths begin with those of the stem"
      : undefined;
  },
  groups: (coarse) => [
    stemGroup(/stem/),
    ...(coarse
      ? [blockGroup(/stages\.(\d+)/)]
      : [blockGroup(/stages\.(\d+).downsample/, "first"), blockGroup(/stages\.(\d+)\.\w+\.(\d+)/)]),
  ],
  build: (s, input, c) => {
    const style = styleOf(c);
    const stages: Stage[] = [];
    const trunk: Module = (t, y) =>
      c.widths.slice(1, c.depths.length).reduce<Value>((x, _, i) => {
        const blocks: Module = (u, z) => u.sequence(z, blocksOf(c, style, i));
        const value = t.call(i, (u, z) => u.chain(z, { blocks }), x);
        stages.push({ module: `stages.${i}`, value, reduction: 4 * 2 ** i, format: "NCHW" });
        return value;
      }, y);
    const features = s.chain(input, { stem: stem(c, style), stages: trunk });
    const result = callHead(s, "head", head(c, style), features);
    return {
      forwardFeatures: [features],
      preLogits: [result.preLogits],
      logits: [result.logits],
      stages,
      defaultStages: firstStages(4, stages),
      format: "NCHW",
    };
  },
});
