/** Squeeze-and-excitation networks as first published: Hu et al. 2017 (arXiv:1709.01507); timm calls them legacy. */
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { poolAndClassify, refuseUnpooled } from "../layers/classifier.ts";
import { conv2d } from "../layers/conv.ts";
import { batchNorm } from "../layers/norm.ts";
import { maxPool } from "../layers/pool.ts";
import type { Module } from "../scope.ts";
import { type BlockKind, type SeNetConfig, args } from "./config.ts";
import { variants } from "./variants.ts";

interface Place {
  readonly planes: number;
  readonly stride: number;
  readonly shortcut: Module | undefined;
}

const relu = act("relu");
const normalise = batchNorm();

/** Fig. 1 with both convolutions called fc1 and fc2. */
const squeezeExcite =
  (channels: number, c: SeNetConfig): Module =>
  (s, x) => {
    const gate = s.chain(s.reduce_mean(x, { axes: [2, 3], keep: true }), {
      fc1: conv2d(Math.floor(channels / c.reduction), { bias: true }),
      relu,
      fc2: conv2d(channels, { bias: true }),
      sigmoid: act("sigmoid"),
    });
    return s.mul(x, gate);
  };

/** Convolutions before the excitation, and what the block has at its end over its planes. */
interface Design {
  readonly expansion: number;
  readonly body: (c: SeNetConfig, p: Place) => Module;
}

interface Widths {
  readonly first: number;
  readonly middle: number;
  /** Whether the first 1x1 convolution strides, as in the ResNets of Caffe; else the 3x3 one. */
  readonly stridesFirst: boolean;
}

const bottleneck = (widthsOf: (planes: number, groups: number) => Widths): Design => ({
  expansion: 4,
  body: (c, p) => (s, x) => {
    const { first, middle, stridesFirst } = widthsOf(p.planes, c.groups);
    const y = s.chain(x, {
      conv1: conv2d(first, { stride: stridesFirst ? p.stride : 1 }),
      bn1: normalise,
      relu,
      conv2: conv2d(middle, { kernel: 3, stride: stridesFirst ? 1 : p.stride, padding: 1, groups: c.groups }),
      bn2: normalise,
    });
    return s.chain(y, { relu, conv3: conv2d(4 * p.planes), bn3: normalise });
  },
});

const designs: Readonly<Record<BlockKind, Design>> = {
  basic: {
    expansion: 1,
    body: (c, p) => (s, x) => {
      const conv = { kernel: 3, padding: 1 };
      const y = s.chain(x, { conv1: conv2d(p.planes, { ...conv, stride: p.stride }), bn1: normalise, relu });
      return s.chain(y, { conv2: conv2d(p.planes, { ...conv, groups: c.groups }), bn2: normalise, relu });
    },
  },
  resnet: bottleneck((planes) => ({ first: planes, middle: planes, stridesFirst: true })),
  resnext: bottleneck((planes, groups) => {
    const width = Math.floor(planes * (4 / 64)) * groups;
    return { first: width, middle: width, stridesFirst: false };
  }),
  senet: bottleneck((planes) => ({ first: 2 * planes, middle: 4 * planes, stridesFirst: false })),
};

const block =
  (c: SeNetConfig, p: Place): Module =>
  (s, x) => {
    const { expansion, body } = designs[c.block];
    const y = body(c, p)(s, x);
    const shortcut = p.shortcut === undefined ? x : s.call("downsample", p.shortcut, x);
    const excited = s.call("se_module", squeezeExcite(expansion * p.planes, c), y);
    return s.call("relu", relu, s.add(excited, shortcut));
  };

function stem(c: SeNetConfig): Module {
  const first = { kernel: c.input_3x3 ? 3 : 7, stride: 2 };
  return (s, x) => {
    const width = c.input_3x3 ? 64 : c.inplanes;
    const y = s.chain(x, { conv1: conv2d(width, first), bn1: normalise, relu1: relu });
    if (!c.input_3x3) return y;
    const next = (out: number): Module => conv2d(out, { kernel: 3 });
    const z = s.chain(y, { conv2: next(64), bn2: normalise, relu2: relu });
    return s.chain(z, { conv3: next(c.inplanes), bn3: normalise, relu3: relu });
  };
}

export default defineFamily({
  name: "senet",
  paper: "https://arxiv.org/abs/1709.01507",
  args,
  variants,
  refuse: refuseUnpooled,
  groups: (coarse) => [stemGroup(/layer0/), blockGroup(coarse ? /layer(\d+)/ : /layer(\d+)\.(\d+)/)],
  build: (s, input, c) => {
    const features = s.call("layer0", stem(c), input);
    const stages: Stage[] = [{ module: "layer0", value: features, reduction: 2, format: "NCHW" }];
    let x = s.call("pool0", maxPool(3, { stride: 2, ceil: true }), features);
    c.layers.forEach((depth, i) => {
      const planes = 64 * 2 ** i;
      const out = planes * designs[c.block].expansion;
      const stride = i === 0 ? 1 : 2;
      const kernel = i === 0 ? {} : { kernel: c.downsample_kernel_size, padding: c.downsample_padding };
      const project: Module = (t, y) => t.sequence(y, [conv2d(out, { stride, ...kernel }), normalise]);
      const changes = stride !== 1 || x.type.shape[1] !== out;
      const blocks = Array.from({ length: depth }, (_, j) =>
        block(c, { planes, stride: j === 0 ? stride : 1, shortcut: j === 0 && changes ? project : undefined }),
      );
      x = s.call(`layer${i + 1}`, (t, y) => t.sequence(y, blocks), x);
      stages.push({ module: `layer${i + 1}`, value: x, reduction: 4 * 2 ** i, format: "NCHW" });
    });
    const head = poolAndClassify(s, x, c.global_pool, c.num_classes, "last_linear");
    return { forwardFeatures: [x], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
