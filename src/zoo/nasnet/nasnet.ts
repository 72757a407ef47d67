/** NASNet-A: Zoph et al. 2017 (arXiv:1707.07012), fig. 4. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs, globalPool } from "../family.ts";
import { fixed, fixedArg, refuseFixed } from "../fixed.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { poolAndClassify, refuseUnpooled } from "../layers/classifier.ts";
import {
  actConvBn,
  branchSeparables,
  combine,
  factorizedReduction,
  nasAvg,
  nasMax,
  nasStem,
} from "../layers/nas-cell.ts";
import { type ConfigOf, dropRates, int, oneOf } from "../schema.ts";
import type { Module, Scope } from "../scope.ts";

const args = {
  ...commonArgs,
  drop_rate: dropRates.drop_rate,
  global_pool: globalPool(),
  stem_size: int(96, "width of the stem", { min: 1 }),
  channel_multiplier: int(2, "by how much the width falls from stem cell to stem cell", { min: 1 }),
  num_features: int(4032, "channels of the last cell", { min: 1 }),
  output_stride: oneOf([32], 32, "the stride of the last stage"),
  pad_type: oneOf(["same"], "same", "padding of all layers"),
  fixed: fixedArg,
};

type Config = ConfigOf<typeof args>;

const normalBody = (s: Scope, left: Value, right: Value, width: number): Value => {
  const pair = (i: number, a: readonly [Module, Value], b?: readonly [Module, Value], plain?: Value): Value => {
    const first = combine(s, i, "left", ...a);
    return s.add(first, b === undefined ? (plain ?? first) : combine(s, i, "right", ...b));
  };
  const sep = (kernel: number): Module => branchSeparables(width, kernel);
  const results = [
    pair(0, [sep(5), right], [sep(3), left]),
    pair(1, [sep(5), left], [sep(3), left]),
    pair(2, [nasAvg(1), right], undefined, left),
    pair(3, [nasAvg(1), left], [nasAvg(1), left]),
    pair(4, [sep(3), right], undefined, right),
  ];
  return s.concat([left, ...results], { axis: 1 });
};

/** Halves the resolution; `left` and `right` are of the same size. */
const reductionBody = (s: Scope, left: Value, right: Value, width: number): Value => {
  const sep = (kernel: number, stride = 2): Module => branchSeparables(width, kernel, stride);
  const [l, r] = ["left", "right"] as const;
  const c0 = s.add(combine(s, 0, l, sep(5), right), combine(s, 0, r, sep(7), left));
  const c1 = s.add(combine(s, 1, l, nasMax(2), right), combine(s, 1, r, sep(7), left));
  const c2 = s.add(combine(s, 2, l, nasAvg(2), right), combine(s, 2, r, sep(5), left));
  const c3 = s.add(combine(s, 3, r, nasAvg(1), c0), c1);
  const c4 = s.add(combine(s, 4, l, sep(3, 1), c0), combine(s, 4, r, nasMax(2), right));
  return s.concat([c1, c2, c3, c4], { axis: 1 });
};

/** How a cell makes its two inputs from the results of the two cells before, and what it is. */
interface Cell {
  readonly width: number;
  readonly previous: "factorized" | "projected" | "itself";
  readonly reduces: boolean;
}

const cell =
  ({ width, previous, reduces }: Cell, before: Value, note?: (active: Value) => void): Module =>
  (s, x) => {
    const left = {
      factorized: () => factorizedReduction(width)(s, before),
      projected: () => s.call("conv_prev_1x1", actConvBn(width), before),
      itself: () => before,
    }[previous]();
    const right = s.call("conv_1x1", actConvBn(width, 1, note), x);
    return (reduces ? reductionBody : normalBody)(s, left, right, width);
  };

const refuseWidths = (c: Config): string | undefined =>
  c.channel_multiplier === 2 && c.num_features % 96 === 0
    ? undefined
    : "the cells fit together only with channel_multiplier=2 and num_features a multiple of 96";

export default defineFamily({
  name: "nasnet",
  paper: "https://arxiv.org/abs/1707.07012",
  args,
  variants: { nasnetalarge: fixed({ pad_type: "same" as const }) },
  refuse: (c, given) => refuseFixed(c, given) ?? refuseWidths(c) ?? refuseUnpooled(c),
  groups: () => [
    stemGroup(/conv0|cell_stem_[01]/),
    blockGroup(/cell_(\d+)/),
    blockGroup(/reduction_cell_0/, 6),
    blockGroup(/reduction_cell_1/, 12),
  ],
  build: (s, input, c) => {
    const width = c.num_features / 24;
    const stages: Stage[] = [];
    /** timm states the channels of the network as published. */
    const note = (module: string, channels: number) => (value: Value) => {
      stages.push({ module, value, channels, reduction: 2 ** (stages.length + 1), format: "NCHW" });
    };
    const conv0 = s.call("conv0", nasStem(c.stem_size), input);
    note("conv0", 96)(conv0);
    const stem = { previous: "itself", reduces: true } as const;
    let previous = s.call("cell_stem_0", cell({ ...stem, width: width / 4 }, conv0), conv0);
    const second = cell(
      { width: width / 2, previous: "factorized", reduces: true },
      conv0,
      note("cell_stem_1.conv_1x1.act", 168),
    );
    let x = s.call("cell_stem_1", second, previous);
    for (const [i, growth] of [1, 2, 4].entries()) {
      if (i > 0) {
        const name = `reduction_cell_${i - 1}`;
        const seen = note(`${name}.conv_1x1.act`, 504 * 2 ** i);
        /** The cell behind it sees the cell two before it again. */
        x = s.call(name, cell({ width: growth * width, previous: "projected", reduces: true }, previous, seen), x);
      }
      for (let j = 0; j < 6; j++) {
        const kind = { width: growth * width, reduces: false, previous: j === 0 ? "factorized" : "projected" } as const;
        const next = s.call(`cell_${6 * i + j}`, cell(kind, previous), x);
        previous = x;
        x = next;
      }
    }
    const features = s.call("act", act("relu"), x);
    note("act", 4032)(features);
    const head = poolAndClassify(s, features, c.global_pool, c.num_classes, "last_linear");
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
