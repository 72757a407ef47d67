/** SelecSLS: Mehta et al. 2019 (XNect, arXiv:1907.00837), selective long- and short-range skip connections. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { noting } from "../layers/block-stages.ts";
import { poolAndClassify, refuseUnpooled } from "../layers/classifier.ts";
import { conv2d } from "../layers/conv.ts";
import { batchNorm } from "../layers/norm.ts";
import type { Module } from "../scope.ts";
import { args } from "./config.ts";
import { variants } from "./variants.ts";

const convBnRelu =
  (out: number, kernel: number, stride = 1): Module =>
  (s, x) =>
    s.sequence(x, [conv2d(out, { kernel, stride }), batchNorm(), act("relu")]);

interface Place {
  readonly mid: number;
  readonly out: number;
  /** What the level's first block gave; that block itself has none, and halves the resolution. */
  readonly skip: () => Value | undefined;
  readonly note: (out: Value) => void;
}

/** Fig. 3 of the paper: three convolutions one after the other, all of which the last one sees. */
const block =
  ({ mid, out, skip, note }: Place): Module =>
  (s, x) => {
    const from = skip();
    const half = Math.floor(mid / 2);
    const d1 = s.call("conv1", convBnRelu(mid, 3, from === undefined ? 2 : 1), x);
    const d2 = s.chain(d1, { conv2: convBnRelu(mid, 1), conv3: convBnRelu(half, 3) });
    const d3 = s.chain(d2, { conv4: convBnRelu(mid, 1), conv5: convBnRelu(half, 3) });
    const all = s.concat(from === undefined ? [d1, d2, d3] : [d1, d2, d3, from], { axis: 1 });
    const result = s.call("conv6", convBnRelu(out, 1), all);
    note(result);
    return result;
  };

export default defineFamily({
  name: "selecsls",
  paper: "https://arxiv.org/abs/1907.00837",
  args,
  variants,
  refuse: refuseUnpooled,
  groups: () => [stemGroup(/stem/), blockGroup(/features\.(\d+)/), blockGroup(/head/, 99_998)],
  build: (s, input, c) => {
    const { levels, head } = c.design;
    const stem = s.call("stem", convBnRelu(32, 3, 2), input);
    const blocks = levels.flatMap(({ mid, outs }) => {
      let first: Value | undefined;
      const note = (out: Value): void => void (first ??= out);
      return outs.map((out) => block({ mid, out, skip: () => first, note }));
    });
    const outputs: Value[] = [];
    const features = s.call("features", noting(blocks, outputs), stem);
    const heads: Value[] = [];
    const convs = head.map(([out, kernel, stride]) => convBnRelu(out, kernel, stride));
    const x = s.call("head", noting(convs, heads), features);

    const ends = levels.map((_, i) => levels.slice(0, i + 1).reduce((n, { outs }) => n + outs.length, -1));
    const places = [
      { module: "stem.2", value: stem },
      ...ends.map((i) => ({ module: `features.${i}`, value: outputs[i] ?? x })),
      ...[1, 3].map((i) => ({ module: `head.${i}`, value: heads[i] ?? x })),
    ];
    const stages = places.map((place, i): Stage => ({ ...place, reduction: 2 ** (i + 1), format: "NCHW" }));
    const classified = poolAndClassify(s, x, c.global_pool, c.num_classes);
    const { preLogits, logits } = classified;
    const defaultStages = [0, 1, 2, 3, 4];
    return { forwardFeatures: [x], preLogits: [preLogits], logits: [logits], stages, defaultStages, format: "NCHW" };
  },
});
