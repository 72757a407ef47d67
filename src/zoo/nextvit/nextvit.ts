/** Next-ViT: Li et al. 2022 (arXiv:2207.05501), convolutional blocks with a transformer block behind every few. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs, globalPool } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { type ActName, act, actLayer } from "../layers/act.ts";
import { callHead, classifierHead } from "../layers/classifier-head.ts";
import { refuseUnpooled } from "../layers/classifier.ts";
import { conv2d } from "../layers/conv.ts";
import { normedAtEnd } from "../layers/intermediate.ts";
import { batchNorm } from "../layers/norm.ts";
import { type ConfigOf, dropRates, dropout, int, ints, number, oneOf } from "../schema.ts";
import type { Module } from "../scope.ts";
import { type BlockOptions, convBlock, transformerBlock } from "./blocks.ts";
import { remap } from "./remap.ts";

const perStage = { min: 1, length: 4 };

const args = {
  ...commonArgs,
  ...dropRates,
  attn_drop_rate: dropout("dropout; no effect at inference"),
  global_pool: globalPool(),
  stem_chs: ints([64, 32, 64], "channels of the stem's convolutions", { min: 1, length: 3 }),
  depths: ints([3, 4, 10, 3], "blocks of each stage; the third in fives", perStage),
  strides: ints([1, 2, 2, 2], "stride of each stage", { min: 1, max: 2, length: 4 }),
  sr_ratios: ints([8, 4, 2, 1], "root of the tokens that keys and values average, by stage", perStage),
  head_dim: int(32, "width of an attention head", { min: 1 }),
  mix_block_ratio: number(0.75, "share of the channels of a transformer block that attend", { min: 0, max: 1 }),
  norm_layer: oneOf(["batchnorm2d", "batchnorm"], "batchnorm2d", "the normalisation"),
  act_layer: actLayer("relu"),
};

type Config = ConfigOf<typeof args>;

/** What a stage repeats: convolutional blocks of one width, a transformer block of another. */
interface StagePlan {
  readonly conv: number;
  readonly width: number;
  readonly last: number | undefined;
  readonly times: number;
}

/** Table 2 of the paper. */
const plans = ([first = 1, second = 1, third = 5, fourth = 1]: readonly number[]): readonly StagePlan[] => [
  { conv: first, width: 96, last: undefined, times: 1 },
  { conv: second - 1, width: 192, last: 256, times: 1 },
  { conv: 4, width: 384, last: 512, times: Math.floor(third / 5) },
  { conv: fourth - 1, width: 768, last: 1024, times: 1 },
];

function blocksOf(c: Config, { conv, width, last, times }: StagePlan, i: number): Module[] {
  const options = (out: number, first: boolean): BlockOptions => ({
    out,
    stride: first ? (c.strides[i] ?? 1) : 1,
    headDim: c.head_dim,
    act: c.act_layer,
    reduction: c.sr_ratios[i] ?? 1,
    share: c.mix_block_ratio,
  });
  return Array.from({ length: times }, (_, round) => [
    ...Array.from({ length: conv }, (_c, j) => convBlock(options(width, round === 0 && j === 0))),
    ...(last === undefined ? [] : [transformerBlock(options(last, round === 0 && conv === 0))]),
  ]).flat();
}

const unit =
  (out: number, stride: number, name: ActName): Module =>
  (s, x) =>
    s.chain(x, { conv: conv2d(out, { kernel: 3, stride, padding: 1 }), norm: batchNorm(), act: act(name) });

const stem =
  (c: Config): Module =>
  (s, x) => {
    const [a = 64, b = 32, out = 64] = c.stem_chs;
    const conv = (width: number, stride: number): Module => unit(width, stride, c.act_layer);
    return s.sequence(x, [conv(a, 2), conv(b, 1), conv(out, 1), conv(out, 2)]);
  };

export default defineFamily({
  name: "nextvit",
  paper: "https://arxiv.org/abs/2207.05501",
  args,
  variants: {
    nextvit_small: { depths: [3, 4, 10, 3] },
    nextvit_base: { depths: [3, 4, 20, 3] },
    nextvit_large: { depths: [3, 4, 30, 3] },
  },
  refuse: (c) => {
    if ((c.depths[2] ?? 0) % 5 !== 0) return "the third of depths must be a multiple of 5";
    return refuseUnpooled(c);
  },
  groups: (coarse) => [
    stemGroup(/stem/),
    ...(coarse
      ? [blockGroup(/stages\.(\d+)/)]
      : [blockGroup(/stages\.(\d+)\.blocks\.(\d+)/), blockGroup(/norm/, "last")]),
  ],
  remap: (c) => remap(c.depths),
  build: (s, input, c) => {
    const finalNorm = { path: "norm", module: batchNorm() };
    const stages: Stage[] = [];
    const trunk: Module = (t, y) =>
      plans(c.depths).reduce<Value>((x, plan, i) => {
        const blocks: Module = (u, z) => u.sequence(z, blocksOf(c, plan, i));
        const value = t.call(i, (u, z) => u.chain(z, { blocks }), x);
        const intermediate = normedAtEnd(s, value, i === 3 ? finalNorm : undefined);
        stages.push({ module: `stages.${i}`, value, reduction: 2 ** (i + 2), format: "NCHW", intermediate });
        return value;
      }, y);
    const features = s.chain(input, { stem: stem(c), stages: trunk, norm: finalNorm.module });
    const head = callHead(s, "head", classifierHead({ classes: c.num_classes, pool: c.global_pool }), features);
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
