/** EdgeNeXt: Maaz et al. 2022 (arXiv:2206.10589), ConvNeXt blocks with transposed attention at the end of stages. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs, globalPool } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { callHead, classifierHead, normMlpHead } from "../layers/classifier-head.ts";
import { conv2d } from "../layers/conv.ts";
import { normedAtEnd } from "../layers/intermediate.ts";
import { channelsLast } from "../layers/norm.ts";
import { type ConfigOf, bool, bools, classOnly, dropRates, inert, ints, number, oneOf } from "../schema.ts";
import type { Module } from "../scope.ts";
import { convBlock, norm, splitTransposeBlock } from "./blocks.ts";
import { remap } from "./remap.ts";

const perStage = { min: 1, length: 4 };

const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool(),
  dims: ints([24, 48, 88, 168], "channels of each stage", perStage),
  depths: ints([3, 3, 9, 3], "blocks of each stage", perStage),
  global_block_counts: ints([0, 1, 1, 1], "how many of the last blocks of each stage attend", { min: 0, length: 4 }),
  kernel_sizes: ints([3, 5, 7, 9], "kernels of the convolutional blocks, by stage", perStage),
  heads: ints([8, 8, 8, 8], "attention heads of each stage", perStage),
  d2_scales: ints([2, 2, 3, 4], "parts that attention blocks split the channels into, by stage", { min: 2, length: 4 }),
  use_pos_emb: bools([false, true, false, false], "position embeddings in attention, by stage", { length: 4 }),
  ls_init_value: number(1e-6, "initial scale of the branches; none at 0 and below"),
  head_init_scale: inert("initialisation; no effect at inference"),
  expand_ratio: number(4, "width inside an MLP over that of its stage", { min: 0 }),
  downsample_block: bool(false, "the first block of a stage takes the stride"),
  conv_bias: bool(true, "a bias in convolutions"),
  stem_type: oneOf(["patch", "overlap"], "patch", "a convolution over patches, or over overlapping ones"),
  head_norm_first: bool(false, "norm, pool, classifier instead of pool, norm, classifier"),
  act_layer: classOnly(undefined, "the activation"),
};

type Config = ConfigOf<typeof args>;

const mapNorm = channelsLast(norm);

function blocksOf(c: Config, i: number): Module[] {
  const [out = 0, depth = 0] = [c.dims[i], c.depths[i]];
  return Array.from({ length: depth }, (_, j) => {
    const common = { bias: c.conv_bias, ratio: c.expand_ratio, scaled: c.ls_init_value > 0 };
    if (j >= depth - (c.global_block_counts[i] ?? 0))
      return splitTransposeBlock({
        ...common,
        scales: c.d2_scales[i] ?? 2,
        heads: c.heads[i] ?? 8,
        positions: c.use_pos_emb[i] ?? false,
      });
    const stride = c.downsample_block && i > 0 && j === 0 ? 2 : 1;
    return convBlock({ ...common, out, stride, kernel: c.kernel_sizes[i] ?? 3 });
  });
}

const stage =
  (c: Config, i: number): Module =>
  (s, x) => {
    const down = conv2d(c.dims[i] ?? 0, { kernel: 2, stride: 2, padding: 0, bias: c.conv_bias });
    return s.chain(x, {
      downsample: c.downsample_block || i === 0 ? undefined : (t, y) => t.sequence(y, [mapNorm, down]),
      blocks: (t, y) => t.sequence(y, blocksOf(c, i)),
    });
  };

const stem =
  (c: Config): Module =>
  (s, x) => {
    const [kernel, padding] = c.stem_type === "patch" ? [4, 0] : [9, 4];
    return s.sequence(x, [conv2d(c.dims[0] ?? 0, { kernel, stride: 4, padding, bias: c.conv_bias }), mapNorm]);
  };

export default defineFamily({
  name: "edgenext",
  paper: "https://arxiv.org/abs/2206.10589",
  args,
  variants: {
    edgenext_xx_small: { depths: [2, 2, 6, 2], dims: [24, 48, 88, 168], heads: [4, 4, 4, 4] },
    edgenext_x_small: { depths: [3, 3, 9, 3], dims: [32, 64, 100, 192], heads: [4, 4, 4, 4] },
    edgenext_small: { dims: [48, 96, 160, 304] },
    edgenext_base: { dims: [80, 160, 288, 584] },
    edgenext_small_rw: { dims: [48, 96, 192, 384], downsample_block: true, conv_bias: false, stem_type: "overlap" },
  },
  refuse: (c) => {
    if (c.ls_init_value <= 0 && c.global_block_counts.some((n) => n > 0))
      return `ls_init_value=${c.ls_init_value}: timm's attention blocks need their scales`;
    if (c.head_norm_first)
      return c.global_pool === "" && c.num_classes > 0
        ? 'global_pool="" with head_norm_first needs num_classes=0: the classifier takes no map'
        : undefined;
    return c.global_pool.endsWith("catavgmax")
      ? `global_pool=${c.global_pool} doubles the channels, and the head's norm takes those of the last stage`
      : undefined;
  },
  groups: (coarse) => [
    stemGroup(/stem/),
    ...(coarse
      ? [blockGroup(/stages\.(\d+)/)]
      : [
          blockGroup(/stages\.(\d+)\.downsample/, "first"),
          blockGroup(/stages\.(\d+)\.blocks\.(\d+)/),
          blockGroup(/norm_pre/, "last"),
        ]),
  ],
  remap: () => remap,
  build: (s, input, c) => {
    const stages: Stage[] = [];
    const finalNorm = c.head_norm_first ? { path: "norm_pre", module: mapNorm } : undefined;
    const trunk: Module = (t, y) =>
      c.dims.reduce<Value>((x, _, i) => {
        const value = t.call(i, stage(c, i), x);
        const intermediate = normedAtEnd(s, value, i === 3 ? finalNorm : undefined);
        stages.push({ module: `stages.${i}`, value, reduction: 4 * 2 ** i, format: "NCHW", intermediate });
        return value;
      }, y);
    const features = s.chain(input, { stem: stem(c), stages: trunk, norm_pre: finalNorm?.module });
    const options = { classes: c.num_classes, pool: c.global_pool };
    const head = c.head_norm_first ? classifierHead(options) : normMlpHead({ ...options, norm: mapNorm });
    const { preLogits, logits } = callHead(s, "head", head, features);
    return { forwardFeatures: [features], preLogits: [preLogits], logits: [logits], stages, format: "NCHW" };
  },
});
