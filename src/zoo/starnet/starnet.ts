/** StarNet: Ma et al. 2024 (arXiv:2403.19967), products of two branches instead of sums. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs, globalPool } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { type ActName, act } from "../layers/act.ts";
import { noting } from "../layers/block-stages.ts";
import { poolAndClassify, refuseUnpooled } from "../layers/classifier.ts";
import { type ConvOptions, conv2d, depthwise } from "../layers/conv.ts";
import { normedAtEnd } from "../layers/intermediate.ts";
import { batchNorm } from "../layers/norm.ts";
import { type ConfigOf, classOnly, dropRates, ignored, int, ints, oneOf } from "../schema.ts";
import type { Module } from "../scope.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool(),
  base_dim: int(32, "channels of the first stage", { min: 1 }),
  depths: ints([3, 3, 12, 5], "blocks of each stage", { min: 1, length: 4 }),
  mlp_ratio: int(4, "width of the branches over their channels", { min: 1 }),
  act_layer: classOnly<ActName>("relu6", "the activation"),
  output_stride: oneOf([32], 32, "the stride of the last stage"),
  norm_layer: ignored("the normalisation"),
  img_size: ignored("the input size, which nothing depends on"),
};

type Config = ConfigOf<typeof args>;

const wide = (conv: Module, norm = true): Module => {
  const bn = norm ? batchNorm() : undefined;
  return (s, x) => s.chain(x, { conv, bn });
};
const plainConv = (out: number, options: ConvOptions = {}, norm = true): Module =>
  wide(conv2d(out, { ...options, bias: true }), norm);

/** Fig. 2: act(f1 x) f2 x between two depthwise convolutions. */
const block =
  (c: Config): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const spatial = depthwise({ kernel: 7, bias: true });
    const y = s.call("dwconv", wide(spatial), x);
    const branch = (name: string): Value => s.call(name, plainConv(c.mlp_ratio * channels, {}, false), y);
    const star = s.mul(s.call("act", act(c.act_layer), branch("f1")), branch("f2"));
    return s.add(x, s.chain(star, { g: plainConv(channels), dwconv2: wide(spatial, false) }));
  };

export default defineFamily({
  name: "starnet",
  paper: "https://arxiv.org/abs/2403.19967",
  args,
  variants: {
    starnet_s1: { base_dim: 24, depths: [2, 2, 8, 3] },
    starnet_s2: { base_dim: 32, depths: [1, 2, 6, 2] },
    starnet_s3: { base_dim: 32, depths: [2, 2, 8, 4] },
    starnet_s4: { base_dim: 32, depths: [3, 3, 12, 5] },
    starnet_s050: { base_dim: 16, depths: [1, 1, 3, 1], mlp_ratio: 3 },
    starnet_s100: { base_dim: 20, depths: [1, 2, 4, 1], mlp_ratio: 4 },
    starnet_s150: { base_dim: 24, depths: [1, 2, 4, 2], mlp_ratio: 3 },
  },
  refuse: (c) => {
    if (c.global_pool.endsWith("catavgmax") && c.num_classes > 0)
      return `global_pool=${c.global_pool}: timm's classifier has no room for two pools`;
    return refuseUnpooled(c);
  },
  groups: (coarse) => [
    stemGroup(/stem\.\d+/),
    blockGroup(coarse ? /stages\.(\d+)/ : /stages\.(\d+)\.(\d+)/),
    blockGroup(/norm/, "last"),
  ],
  build: (s, input, c) => {
    const half = { kernel: 3, stride: 2, padding: 1 };
    const stem = s.call("stem", (t, y) => t.sequence(y, [plainConv(32, half), act(c.act_layer)]), input);
    const modules = c.depths.map((depth, i): Module => {
      const layers = [plainConv(c.base_dim * 2 ** i, half), ...Array.from({ length: depth }, () => block(c))];
      return (t, y) => t.sequence(y, layers);
    });
    const outputs: Value[] = [];
    const last = s.call("stages", noting(modules, outputs), stem);
    const norm = { path: "norm", module: batchNorm() };
    const stages = outputs.map((value, i): Stage => {
      const intermediate = normedAtEnd(s, value, value === last ? norm : undefined);
      return { module: `stages.${i}`, value, reduction: 4 * 2 ** i, format: "NCHW", intermediate };
    });
    const x = s.call("norm", norm.module, last);
    const head = poolAndClassify(s, x, c.global_pool, c.num_classes, "head");
    return { forwardFeatures: [x], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
