/** Deep layer aggregation: Yu et al. 2017 (arXiv:1707.06484). */
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { classifierHead } from "../layers/classifier-head.ts";
import { conv2d } from "../layers/conv.ts";
import type { Module } from "../scope.ts";
import { normalise, relu } from "./blocks.ts";
import { type DlaConfig, args } from "./config.ts";
import { remap } from "./remap.ts";
import { tree } from "./tree.ts";
import { variants } from "./variants.ts";

/** The first two levels are plain convolutions. */
const convLevel =
  (out: number, convs: number, stride: number): Module =>
  (s, x) => {
    const layers = Array.from({ length: convs }, (_, i) => [
      conv2d(out, { kernel: 3, stride: i === 0 ? stride : 1 }),
      normalise,
      relu,
    ]);
    return s.sequence(x, layers.flat());
  };

const level = (c: DlaConfig, i: number): Module => {
  const [levels, out] = [c.levels[i] ?? 1, c.channels[i] ?? 0];
  return i < 2 ? convLevel(out, levels, i + 1) : tree(c, { levels, out, stride: 2, levelRoot: i > 2 });
};

export default defineFamily({
  name: "dla",
  paper: "https://arxiv.org/abs/1707.06484",
  args,
  variants,
  lastStages: 5,
  groups: (coarse) =>
    coarse
      ? [stemGroup(/base_layer/), blockGroup(/level(\d+)/)]
      : [
          stemGroup(/base_layer/),
          blockGroup(/level(\d+)\.tree(\d+)/),
          blockGroup(/level(\d+)\.root/, 2),
          blockGroup(/level(\d+)/, 1),
        ],
  remap,
  build: (s, input, c) => {
    const first = conv2d(c.channels[0] ?? 0, { kernel: 7 });
    let x = s.call("base_layer", (t, y) => t.sequence(y, [first, normalise, relu]), input);
    const stages = c.levels.map((_, i): Stage => {
      x = s.call(`level${i}`, level(c, i), x);
      return { module: `level${i}`, value: x, reduction: 2 ** i, format: "NCHW" };
    });
    const head = classifierHead({ classes: c.num_classes, pool: c.global_pool, conv: true })(s, x);
    return { forwardFeatures: [x], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
