/** Inception-ResNet v2: Szegedy et al. 2016 (arXiv:1602.07261), Inception blocks as scaled residuals. */
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { poolAndClassify, refuseUnpooled } from "../layers/classifier.ts";
import { conv2d } from "../layers/conv.ts";
import {
  type InceptionConv,
  branches,
  halvingPool,
  inceptionArgs,
  inceptionConv,
  keeping,
  meanPool,
} from "../layers/inception.ts";
import { oneOf } from "../schema.ts";
import type { Module } from "../scope.ts";

const args = { ...inceptionArgs, output_stride: oneOf([32], 32, "the stride of the last stage") };

/** x + scale conv(towers), figs. 16, 17 and 19; `active` names the activation behind it. */
const residual =
  (towers: Module, scale: number, active: "act" | "relu" | undefined): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const y = s.call("conv2d", conv2d(channels, { bias: true }), towers(s, x));
    const sum = s.add(s.mul(y, s.scalar(scale)), x);
    return active === undefined ? sum : s.call(active, act("relu"), sum);
  };

function blocks(conv: InceptionConv) {
  const same = (out: number, kernel: number | readonly [number, number]): Module => conv(out, kernel, keeping(kernel));
  const half = { stride: 2 };
  return {
    mixed5b: branches([conv(96), [conv(48), same(64, 5)], [conv(64), same(96, 3), same(96, 3)], [meanPool, conv(64)]]),
    a: branches([conv(32), [conv(32), same(32, 3)], [conv(32), same(48, 3), same(64, 3)]]),
    mixed6a: branches([conv(384, 3, half), [conv(256), same(256, 3), conv(384, 3, half)], halvingPool]),
    b: branches([conv(192), [conv(128), same(160, [1, 7]), same(192, [7, 1])]]),
    mixed7a: branches([
      [conv(256), conv(384, 3, half)],
      [conv(256), conv(288, 3, half)],
      [conv(256), same(288, 3), conv(320, 3, half)],
      halvingPool,
    ]),
    c: branches([conv(192), [conv(192), same(224, [1, 3]), same(256, [3, 1])]]),
  };
}

const repeat =
  (n: number, module: Module): Module =>
  (s, x) =>
    s.sequence(x, Array<Module>(n).fill(module));

/** Fig. 15 in order. */
function layers(conv: InceptionConv): Readonly<Record<string, Module>> {
  const { mixed5b, a, mixed6a, b, mixed7a, c } = blocks(conv);
  return {
    conv2d_1a: conv(32, 3, { stride: 2 }),
    conv2d_2a: conv(32, 3),
    conv2d_2b: conv(64, 3, { padding: 1 }),
    maxpool_3a: halvingPool,
    conv2d_3b: conv(80),
    conv2d_4a: conv(192, 3),
    maxpool_5a: halvingPool,
    mixed_5b: mixed5b,
    repeat: repeat(10, residual(a, 0.17, "act")),
    mixed_6a: mixed6a,
    repeat_1: repeat(20, residual(b, 0.1, "act")),
    mixed_7a: mixed7a,
    repeat_2: repeat(9, residual(c, 0.2, "relu")),
    block8: residual(c, 1, undefined),
    conv2d_7b: conv(1536),
  };
}

const ends = ["conv2d_2b", "conv2d_4a", "repeat", "repeat_1", "conv2d_7b"];

/** Every block is a group, in the order of the network. */
const range = (n: number, prefix: string): string[] => Array.from({ length: n }, (_, i) => `${prefix}\\.${i}\\.`);
const order = [
  "mixed_5b",
  ...range(10, "repeat"),
  "mixed_6a",
  ...range(20, "repeat_1"),
  "mixed_7a",
  ...range(9, "repeat_2"),
];

export default defineFamily({
  name: "inception_resnet_v2",
  paper: "https://arxiv.org/abs/1602.07261",
  args,
  variants: { inception_resnet_v2: {} },
  refuse: refuseUnpooled,
  groups: () => [
    stemGroup(/conv2d_[12]/),
    blockGroup(/conv2d_[34]/, 1),
    ...order.map((name, i) => blockGroup(new RegExp(name), i + 2)),
    blockGroup(/block8|conv2d_7/, order.length + 2),
  ],
  build: (s, input, c) => {
    const stages: Stage[] = [];
    let x = input;
    for (const [name, layer] of Object.entries(layers(inceptionConv(c)))) {
      x = s.call(name, layer, x);
      const index = ends.indexOf(name);
      if (index >= 0) stages.push({ module: name, value: x, reduction: 2 ** (index + 1), format: "NCHW" });
    }
    const head = poolAndClassify(s, x, c.global_pool, c.num_classes, "classif");
    return { forwardFeatures: [x], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
