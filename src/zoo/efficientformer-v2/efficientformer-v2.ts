/** EfficientFormerV2: Li et al. 2022 (arXiv:2212.08059), searched widths, depths and ratios. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { actLayer } from "../layers/act.ts";
import { fullyConnected } from "../layers/classifier.ts";
import type { Pair } from "../layers/conv.ts";
import { convNormAct } from "../layers/conv-norm-act.ts";
import { normedAtEnd } from "../layers/intermediate.ts";
import { layerScale2d } from "../layers/layer-scale.ts";
import { batchNorm } from "../layers/norm.ts";
import { globalPoolOver } from "../layers/pool.ts";
import { meanOfHeads } from "../layers/two-heads.ts";
import {
  type Arg,
  type ConfigOf,
  bools,
  dropRates,
  dropout,
  inert,
  int,
  ints,
  number,
  oneOf,
  optional,
  pair,
  perStage,
} from "../schema.ts";
import type { Module } from "../scope.ts";
import { downsamplingAttention, halved, talkingAttention, unit } from "./attention.ts";

/** Widths inside the MLPs over that of their stage: one for all blocks of a stage, or one per block. */
type Ratios = readonly (number | readonly number[])[];

const ratio = number(4, "", { min: 0 });
const ratiosOfStage = perStage(ratio);

const mlpRatios: Arg<Ratios> = {
  type: "number >= 0, or a list with a number or a list of one per block for each stage",
  default: [4, 4, 4, 4],
  doc: "width inside an MLP over that of its stage",
  inert: false,
  read: (json) => {
    const stages: readonly unknown[] = Array.isArray(json) ? json : [json, json, json, json];
    const read = stages.map((stage) => ratiosOfStage.read(stage));
    return stages.length >= 4 && read.every((r) => r !== undefined) ? read : undefined;
  },
};

const args = {
  ...commonArgs,
  ...dropRates,
  proj_drop_rate: dropout("dropout; no effect at inference"),
  img_size: pair(224, "height and width of the input"),
  global_pool: oneOf(["avg", ""], "avg", 'pooling before the classifier; "" keeps the map'),
  depths: ints([2, 2, 6, 4], "blocks of each stage", { min: 1, length: 4 }),
  embed_dims: ints([32, 48, 96, 176], "channels of each stage", { min: 2, length: 4 }),
  downsamples: optional(bools([], "stages that begin with a reduction; all but the first without it")),
  mlp_ratios: mlpRatios,
  num_vit: int(0, "how many of the last blocks of the last two stages attend", { min: 0 }),
  norm_layer: oneOf(["batchnorm2d", "batchnorm"], "batchnorm2d", "the normalisation"),
  norm_eps: number(1e-5, "eps of the norms outside attention", { min: 0 }),
  act_layer: actLayer("gelu"),
  layer_scale_init_value: inert("initialisation; no effect at inference"),
  distillation: oneOf([true], true, "a second head, which timm's forward pass needs"),
};

type Config = ConfigOf<typeof args>;

const normOf = (c: Config) => ({ kind: "batchnorm2d", eps: c.norm_eps }) as const;

const convMlp =
  (c: Config, ratio: number): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const hidden = Math.trunc(channels * ratio) || channels;
    const style = { norm: normOf(c), act: c.act_layer, bias: true };
    return s.chain(x, {
      fc1: convNormAct(hidden, style),
      mid: convNormAct(hidden, { ...style, kernel: 3, groups: hidden }),
      fc2: unit(channels, { eps: c.norm_eps }),
    });
  };

const block =
  (c: Config, ratio: number, mixer: Module | undefined): Module =>
  (s, x) => {
    const y = mixer === undefined ? x : s.add(x, s.chain(x, { token_mixer: mixer, ls1: layerScale2d }));
    return s.add(y, s.chain(y, { mlp: convMlp(c, ratio), ls2: layerScale2d }));
  };

/** A strided convolution, and in the last stage attention beside it. */
const downsample =
  (c: Config, out: number, size: Pair, attends: boolean): Module =>
  (s, x) => {
    const conv = s.call("conv", unit(out, { kernel: 3, stride: 2, eps: c.norm_eps }), x);
    if (!attends) return conv;
    return s.add(s.call("attn", downsamplingAttention({ act: c.act_layer, size }, out), x), conv);
  };

/** Whether stage i begins with a reduction: timm takes an empty list for none given. */
const reduces = ({ downsamples }: Config, i: number): boolean =>
  downsamples === undefined || downsamples.length === 0 ? i > 0 : downsamples[i] === true;

const stage =
  (c: Config, i: number, size: Pair): Module =>
  (s, x) => {
    const own = reduces(c, i) ? halved(size) : size;
    const depth = c.depths[i] ?? 0;
    const ratios = c.mlp_ratios[i] ?? 4;
    const blocks = Array.from({ length: depth }, (_, j) => {
      const attends = i >= 2 && j >= depth - c.num_vit;
      const mixer = attends ? talkingAttention({ act: c.act_layer, size: own }, i === 2) : undefined;
      return block(c, typeof ratios === "number" ? ratios : (ratios[j] ?? 4), mixer);
    });
    return s.chain(x, {
      downsample: reduces(c, i) ? downsample(c, c.embed_dims[i] ?? 0, size, i >= 3) : undefined,
      blocks: (t, y) => t.sequence(y, blocks),
    });
  };

/** How many ratios a stage must list: one per block, where they are listed. */
const blocksWithRatio = (c: Config, i: number, depth: number): number =>
  typeof c.mlp_ratios[i] === "number" ? 1 : depth;

const stem =
  (c: Config): Module =>
  (s, x) => {
    const width = c.embed_dims[0] ?? 0;
    const style = { kernel: 3, stride: 2, norm: normOf(c), act: c.act_layer, bias: true } as const;
    return s.chain(x, { conv1: convNormAct(Math.floor(width / 2), style), conv2: convNormAct(width, style) });
  };

/** The searched ratios of a stage: 4, with 3 in the middle. */
const searched = (first: number, middle: number, last: number): number[] => [
  ...Array<number>(first).fill(4),
  ...Array<number>(middle).fill(3),
  ...Array<number>(last).fill(4),
];

const row = (
  embed_dims: readonly number[],
  depths: readonly number[],
  num_vit: number,
  third: readonly number[],
  fourth: readonly number[],
) => ({ embed_dims, depths, num_vit, mlp_ratios: [4, 4, third, fourth] });

export default defineFamily({
  name: "efficientformer_v2",
  paper: "https://arxiv.org/abs/2212.08059",
  args,
  variants: {
    efficientformerv2_s0: row([32, 48, 96, 176], [2, 2, 6, 4], 2, searched(1, 3, 2), searched(1, 2, 1)),
    efficientformerv2_s1: row([32, 48, 120, 224], [3, 3, 9, 6], 2, searched(2, 4, 3), searched(2, 2, 2)),
    efficientformerv2_s2: row([32, 64, 144, 288], [4, 4, 12, 8], 4, searched(2, 6, 4), searched(2, 4, 2)),
    efficientformerv2_l: row([40, 80, 192, 384], [5, 5, 15, 10], 6, searched(4, 7, 4), searched(3, 4, 3)),
  },
  refuse: (c) => {
    const given = c.downsamples?.length ?? 0;
    if (given > 0 && given < 4) return `downsamples has ${given} entries for 4 stages`;
    const at = c.embed_dims.findIndex((dim, i) => i > 0 && !reduces(c, i) && dim !== c.embed_dims[i - 1]);
    if (at > 0) return `stage ${at} has other channels than the one before it, and no reduction`;
    const short = c.depths.findIndex((depth, i) => [c.mlp_ratios[i] ?? 4].flat().length < blocksWithRatio(c, i, depth));
    if (short >= 0) return `mlp_ratios has too few entries for the blocks of stage ${short}`;
    return c.global_pool === "" && c.num_classes > 0
      ? 'global_pool="" needs num_classes=0: the classifier takes no map'
      : undefined;
  },
  fixedSize: () => "attention_biases are picked for the positions of img_size",
  groups: () => [stemGroup(/stem/), blockGroup(/stages\.(\d+)/), blockGroup(/norm/, "last")],
  build: (s, input, c) => {
    const norm = batchNorm(c.norm_eps);
    const stages: Stage[] = [];
    let reduction = 4;
    const trunk: Module = (t, y) =>
      c.embed_dims.reduce<Value>((x, _, i) => {
        const size: Pair = [Math.ceil(c.img_size[0] / reduction), Math.ceil(c.img_size[1] / reduction)];
        if (reduces(c, i)) reduction *= 2;
        const value = t.call(i, stage(c, i, size), x);
        const final = i === c.embed_dims.length - 1 ? { path: "norm", module: norm } : undefined;
        stages.push({
          module: `stages.${i}`,
          value,
          reduction,
          format: "NCHW",
          intermediate: normedAtEnd(s, value, final),
        });
        return value;
      }, y);
    const features = s.chain(input, { stem: stem(c), stages: trunk, norm });
    const pooled = globalPoolOver(s, features, c.global_pool, [2, 3]);
    const logits = meanOfHeads(s, pooled, fullyConnected(c.num_classes));
    return { forwardFeatures: [features], preLogits: [pooled], logits: [logits], stages, format: "NCHW" };
  },
});
