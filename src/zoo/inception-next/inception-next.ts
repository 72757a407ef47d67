/** InceptionNeXt: Yu et al. 2023 (arXiv:2303.16900), ConvNeXt whose large kernels are a square and two bands. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs, globalPool } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { type ActName, act } from "../layers/act.ts";
import { noting } from "../layers/block-stages.ts";
import { type HeadModule, callHead } from "../layers/classifier-head.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { layerScale2d } from "../layers/layer-scale.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { batchNorm, layerNorm } from "../layers/norm.ts";
import { globalPool2d } from "../layers/pool.ts";
import { split } from "../layers/split.ts";
import { type StageStride, stageStrides } from "../layers/stage-strides.ts";
import { type ConfigOf, classOnly, dropRates, int, ints, number, perStage, stagewise } from "../schema.ts";
import type { Module } from "../scope.ts";

interface Mixer {
  readonly band: number;
  /** Channels of each of the three kernels over all. */
  readonly ratio: number;
}

const mlpRatios = perStage(number(4, "width of the MLPs over their channels", { min: 0.01 }));

const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool(),
  output_stride: int(32, "the stride of the last stage; strides beyond it become dilation", { min: 1 }),
  depths: ints([3, 3, 9, 3], "blocks of each stage", { min: 1, length: 4 }),
  dims: ints([96, 192, 384, 768], "channels of each stage", { min: 1, length: 4 }),
  token_mixers: classOnly<Mixer>({ band: 11, ratio: 0.125 }, "what mixes positions"),
  norm_layer: classOnly("batchnorm", "the normalisation"),
  act_layer: classOnly<ActName>("gelu", "the activation"),
  mlp_ratios: { ...mlpRatios, default: [4, 4, 4, 3] },
  ls_init_value: number(1e-6, "initial value of the scales of residuals; 0 for none"),
};

type Config = ConfigOf<typeof args>;

/** Fig. 3: a square kernel, a row and a column over a few channels each; most pass as they are. */
const inceptionDepthwise =
  ({ band, ratio }: Mixer, dilation: number): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const part = Math.trunc(channels * ratio);
    const [rest, square, row, column] = split(s, x, [channels - 3 * part, part, part, part], 1);
    const conv = (kernel: number | readonly [number, number]): Module => depthwise({ kernel, dilation, bias: true });
    const mixed = [
      s.call("dwconv_hw", conv(3), square),
      s.call("dwconv_w", conv([1, band]), row),
      s.call("dwconv_h", conv([band, 1]), column),
    ];
    return s.concat([rest, ...mixed], { axis: 1 });
  };

const block =
  (c: Config, ratio: number, dilation: number): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const y = s.chain(x, {
      token_mixer: inceptionDepthwise(c.token_mixers, dilation),
      norm: batchNorm(),
      mlp: mlp(Math.trunc(ratio * channels), { act: c.act_layer, conv: true }),
    });
    return s.add(c.ls_init_value === 0 ? y : layerScale2d(s, y), x);
  };

const stage =
  (c: Config, i: number, { stride, dilation, firstDilation }: StageStride): Module =>
  (s, x) => {
    const conv = conv2d(c.dims[i] ?? 0, { kernel: 2, stride, dilation: firstDilation, padding: 0, bias: true });
    const down: Module = (t, y) => t.sequence(y, [batchNorm(), conv]);
    const ratio = stagewise(c.mlp_ratios, 4)[i] ?? 4;
    const blocks = Array.from({ length: c.depths[i] ?? 0 }, () => block(c, ratio, dilation));
    const changes = stride > 1 || firstDilation !== dilation;
    return s.chain(x, { downsample: changes ? down : undefined, blocks: (t, y) => t.sequence(y, blocks) });
  };

/** An MLP of three times the width, with its norm before the classifier. */
const classify =
  ({ global_pool, num_classes }: Config): HeadModule =>
  (s, x) => {
    const channels = s.channels(x);
    const preLogits = s.chain(x, {
      global_pool: globalPool2d(global_pool),
      fc1: linear(3 * channels),
      act: act("gelu"),
      norm: layerNorm(1e-6),
    });
    return { preLogits, logits: s.call("fc2", linear(num_classes), preLogits) };
  };

const small = { depths: [3, 3, 27, 3] };

export default defineFamily({
  name: "inception_next",
  paper: "https://arxiv.org/abs/2303.16900",
  args,
  variants: {
    inception_next_atto: {
      depths: [2, 2, 6, 2],
      dims: [40, 80, 160, 320],
      token_mixers: { band: 9, ratio: 0.25 },
    },
    inception_next_tiny: {},
    inception_next_small: { ...small },
    inception_next_base: { ...small, dims: [128, 256, 512, 1024] },
  },
  refuse: (c) => {
    if (c.global_pool === "") return 'global_pool="": this head needs a pool';
    return c.num_classes === 0 ? "num_classes=0: timm's classifier then gives no values at all" : undefined;
  },
  groups: (coarse) =>
    coarse
      ? [stemGroup(/stem/), blockGroup(/stages\.(\d+)/)]
      : [
          stemGroup(/stem/),
          blockGroup(/stages\.(\d+)\.downsample/, "first"),
          blockGroup(/stages\.(\d+)\.blocks\.(\d+)/),
        ],
  build: (s, input, c) => {
    const patches = conv2d(c.dims[0] ?? 0, { kernel: 4, stride: 4, padding: 0, bias: true });
    const stem = s.call("stem", (t, y) => t.sequence(y, [patches, batchNorm()]), input);
    const strides = stageStrides([1, 2, 2, 2], 4, c.output_stride);
    const outputs: Value[] = [];
    const modules = strides.map((at, i) => stage(c, i, at));
    const x = s.call("stages", noting(modules, outputs), stem);
    const stages = outputs.map((value, i): Stage => {
      return { module: `stages.${i}`, value, reduction: strides[i]?.reduction ?? 0, format: "NCHW" };
    });
    const head = callHead(s, "head", classify(c), x);
    return { forwardFeatures: [x], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
