/** PNASNet-5: Liu et al. 2017 (arXiv:1712.00559), fig. 1. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs, globalPool } from "../family.ts";
import { fixed, fixedArg, refuseFixed } from "../fixed.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { poolAndClassify, refuseUnpooled } from "../layers/classifier.ts";
import { conv2d } from "../layers/conv.ts";
import {
  actConvBn,
  branchSeparables,
  combine,
  factorizedReduction,
  nasMax,
  nasNorm,
  nasStem,
} from "../layers/nas-cell.ts";
import { dropRates, oneOf } from "../schema.ts";
import type { Module, Scope } from "../scope.ts";

const args = {
  ...commonArgs,
  drop_rate: dropRates.drop_rate,
  global_pool: globalPool(),
  output_stride: oneOf([32], 32, "the stride of the last stage"),
  pad_type: oneOf(["same"], "same", "padding of all layers"),
  fixed: fixedArg,
};

/** The one cell that was searched; with stride 2 it reduces. */
function body(s: Scope, left: Value, right: Value, width: number, stride: number): Value {
  const sep = (kernel: number, step = stride): Module => branchSeparables(width, kernel, step);
  const max = nasMax(stride);
  const widened: Module = (t, x) => t.chain(x, { max_pool: max, conv: conv2d(width), bn: nasNorm });
  const [l, r] = ["left", "right"] as const;
  const keeps = left.type.shape[1] === width;
  const c0 = s.add(combine(s, 0, l, sep(5), left), combine(s, 0, r, keeps ? max : widened, left));
  const c1 = s.add(combine(s, 1, l, sep(7), right), combine(s, 1, r, max, right));
  const c2 = s.add(combine(s, 2, l, sep(5), right), combine(s, 2, r, sep(3), right));
  const c3 = s.add(combine(s, 3, l, sep(3, 1), c2), combine(s, 3, r, max, right));
  const last = stride === 1 ? right : combine(s, 4, r, actConvBn(width, stride), right);
  const c4 = s.add(combine(s, 4, l, sep(3), left), last);
  return s.concat([c0, c1, c2, c3, c4], { axis: 1 });
}

interface Cell {
  readonly name: string;
  readonly width: number;
  readonly reduces?: true;
  /** The cell before the last one is twice as fine. */
  readonly matches?: true;
}

const cells: readonly Cell[] = [
  { name: "cell_stem_1", width: 108, reduces: true, matches: true },
  { name: "cell_0", width: 216, matches: true },
  { name: "cell_1", width: 216 },
  { name: "cell_2", width: 216 },
  { name: "cell_3", width: 216 },
  { name: "cell_4", width: 432, reduces: true },
  { name: "cell_5", width: 432, matches: true },
  { name: "cell_6", width: 432 },
  { name: "cell_7", width: 432 },
  { name: "cell_8", width: 864, reduces: true },
  { name: "cell_9", width: 864, matches: true },
  { name: "cell_10", width: 864 },
  { name: "cell_11", width: 864 },
];

const cell =
  ({ width, reduces, matches }: Cell, before: Value, note: (active: Value) => void): Module =>
  (s, x) => {
    const left = s.call("conv_prev_1x1", matches ? factorizedReduction(width) : actConvBn(width), before);
    const right = s.call("conv_1x1", actConvBn(width, 1, reduces && note), x);
    return body(s, left, right, width, reduces ? 2 : 1);
  };

export default defineFamily({
  name: "pnasnet",
  paper: "https://arxiv.org/abs/1712.00559",
  args,
  variants: { pnasnet5large: fixed({ pad_type: "same" as const }) },
  refuse: (c, given) => refuseFixed(c, given) ?? refuseUnpooled(c),
  groups: () => [stemGroup(/conv_0|cell_stem_[01]/), blockGroup(/cell_(\d+)/)],
  build: (s, input, c) => {
    const stages: Stage[] = [];
    const note = (module: string) => (value: Value) => {
      stages.push({ module, value, reduction: 2 ** (stages.length + 1), format: "NCHW" });
    };
    let previous = s.call("conv_0", nasStem(96), input);
    note("conv_0")(previous);
    const stem: Module = (t, y) => body(t, y, t.call("conv_1x1", actConvBn(54), y), 54, 2);
    let x = s.call("cell_stem_0", stem, previous);
    for (const design of cells) {
      const next = s.call(design.name, cell(design, previous, note(`${design.name}.conv_1x1.act`)), x);
      previous = x;
      x = next;
    }
    const features = s.call("act", act("relu"), x);
    note("act")(features);
    const head = poolAndClassify(s, features, c.global_pool, c.num_classes, "last_linear");
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
