import { describe, expect, it } from "vitest";
import { symbol } from "../../../src/ir/dim.ts";
import type { Builder } from "../../../src/ir/builder.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Value } from "../../../src/ir/value.ts";
import { foldInput } from "../../../src/passes/presets.ts";
import { foldInputScalePastShift } from "../../../src/passes/rules/fold-input-scale-past-shift.ts";
import { foldInputScale } from "../../../src/passes/rules/fold-input-scale.ts";
import { foldInputShift } from "../../../src/passes/rules/fold-input-shift.ts";
import { passOf } from "../../../src/passes/rewriting.ts";
import type { Rule } from "../../../src/passes/rule.ts";
import { applied, body, graphOf, reason } from "./harness.ts";

interface Parts {
  /** From the input [N, 4, 7, 6] to what the convolution reads. */
  readonly before: (b: Builder, x: Value) => Value;
  readonly padding?: readonly number[];
  readonly groups?: number;
  readonly bias?: boolean;
  readonly kernelRuns?: boolean;
  /** What else is an output. */
  readonly tap?: (read: Value) => Value;
}

const perChannel = (b: Builder, key: string, shape: readonly number[] = [4, 1, 1]): Value => b.param({ key, shape });

/** The number behind `var` is positive in the harness: what is divided by is not near 0. */
const divisor = (b: Builder, shape?: readonly number[]): Value => perChannel(b, "scale.var", shape);

const stem = ({ before, padding = [0, 0, 0, 0], groups = 1, bias = false, kernelRuns = false, tap }: Parts): Graph =>
  graphOf((on) => {
    const x = on("x").input({ shape: [symbol("N"), 4, 7, 6] });
    const kernelShape = [6, 4 / groups, 3, 2];
    const kernel = kernelRuns ? on("k").input({ shape: kernelShape }) : on("k").param({ key: "k", shape: kernelShape });
    const read = before(on("before"), x);
    const offset = bias ? on("b").param({ key: "b", shape: [6] }) : undefined;
    const y = on("conv").conv(read, kernel, offset, { stride: [2, 1], padding, dilation: [1, 1], groups });
    return tap === undefined ? { y } : { y, tap: tap(read) };
  });

const padded = [1, 0, 1, 1];

const fires: readonly (readonly [what: string, rule: Rule, parts: Parts])[] = [
  ["a product", foldInputScale, { before: (b, x) => b.mul(x, perChannel(b, "g")) }],
  ["a product, the other way round", foldInputScale, { before: (b, x) => b.mul(perChannel(b, "g"), x) }],
  ["a quotient", foldInputScale, { before: (b, x) => b.div(x, divisor(b)), bias: true }],
  ["a scale before padding", foldInputScale, { before: (b, x) => b.mul(x, perChannel(b, "g")), padding: padded }],
  ["a scale of one number", foldInputScale, { before: (b, x) => b.div(x, b.constant({ values: [255] })), groups: 2 }],
  ["a scale of rank 4", foldInputScale, { before: (b, x) => b.mul(x, perChannel(b, "g", [1, 4, 1, 1])) }],
  ["a scale of groups", foldInputScale, { before: (b, x) => b.mul(x, perChannel(b, "g")), groups: 2, padding: padded }],
  ["a sum", foldInputShift, { before: (b, x) => b.add(x, perChannel(b, "c")) }],
  ["a sum, the other way round", foldInputShift, { before: (b, x) => b.add(perChannel(b, "c"), x), bias: true }],
  ["a difference", foldInputShift, { before: (b, x) => b.sub(x, perChannel(b, "c")) }],
  ["a difference, with a bias", foldInputShift, { before: (b, x) => b.sub(x, perChannel(b, "c")), bias: true }],
  ["a shift of one number", foldInputShift, { before: (b, x) => b.add(x, perChannel(b, "c", [1])) }],
  ["a shift of groups", foldInputShift, { before: (b, x) => b.sub(x, perChannel(b, "c")), groups: 2, bias: true }],
  [
    "a quotient before a difference",
    foldInputScalePastShift,
    { before: (b, x) => b.sub(b.div(x, divisor(b)), perChannel(b, "c")), padding: padded },
  ],
  [
    "a quotient of one number before a sum",
    foldInputScalePastShift,
    {
      before: (b, x) => b.add(perChannel(b, "c"), b.div(x, divisor(b, []))),
      padding: padded,
      groups: 2,
      bias: true,
    },
  ],
];

describe("what is in front of a convolution folds into it", () => {
  it.each(fires)("%s", (_, rule, parts) => {
    const graph = stem(parts);
    const ops = body(graph).length;
    expect(applied(graph, passOf(rule))).toEqual({ [rule.name]: 1 });
    expect(body(graph)).toHaveLength(ops - 1);
    const conv = [...graph.values()].find((v) => v.op === "conv");
    expect([conv?.origin.path, conv?.origin.rules]).toEqual(["conv", [rule.name]]);
    expect(applied(graph, passOf(rule))).toEqual({ [rule.name]: 0 });
  });
});

const scaled = (b: Builder, x: Value): Value => b.mul(x, perChannel(b, "g"));
const shifted = (b: Builder, x: Value): Value => b.sub(x, perChannel(b, "c"));
const both = (b: Builder, x: Value): Value => b.sub(b.div(x, divisor(b)), perChannel(b, "c"));

const nearMisses: readonly (readonly [reason: string, rule: Rule, parts: Parts])[] = [
  ["mul has 2 uses, and each needs its own result", foldInputScale, { before: scaled, tap: (read) => read }],
  ["kernel is no weight: it is known only when the model runs", foldInputScale, { before: scaled, kernelRuns: true }],
  [
    "scale is no weight: it is known only when the model runs",
    foldInputScale,
    { before: (b, x) => b.mul(x, b.abs(x)) },
  ],
  [
    "f32[4,1,6] varies along axis 3, which is not the channels'",
    foldInputScale,
    { before: (b, x) => b.mul(x, perChannel(b, "g", [4, 1, 6])) },
  ],
  [
    "f32[4,1,1] makes f32[N,1,7,6] larger",
    foldInputScale,
    { before: (b, x) => b.mul(b.slice(x, { axis: 1, range: [0, 1] }), perChannel(b, "g")) },
  ],
  ["sub where mul or div is wanted", foldInputScale, { before: shifted }],
  ["the padding is zeros that are not shifted", foldInputShift, { before: shifted, padding: [0, 0, 0, 1] }],
  ["sub has 2 uses, and each needs its own result", foldInputShift, { before: shifted, tap: (read) => read }],
  [
    "f32[6] varies along axis 3, which is not the channels'",
    foldInputShift,
    { before: (b, x) => b.add(x, perChannel(b, "c", [6])) },
  ],
  [
    "shift is no weight: it is known only when the model runs",
    foldInputShift,
    { before: (b, x) => b.sub(perChannel(b, "c"), x) },
  ],
  [
    "mul where div is wanted",
    foldInputScalePastShift,
    { before: (b, x) => b.sub(b.mul(x, perChannel(b, "g")), perChannel(b, "c")), padding: padded },
  ],
  [
    "div has 2 uses, and each needs its own result",
    foldInputScalePastShift,
    { before: both, padding: padded, tap: (read) => read.operands[0] ?? read },
  ],
  [
    "f32[6] varies along axis 3, which is not the channels'",
    foldInputScalePastShift,
    { before: (b, x) => b.sub(b.div(x, divisor(b, [6])), perChannel(b, "c")), padding: padded },
  ],
  [
    "f32[7,1] varies along axis 2, which is not the channels'",
    foldInputScalePastShift,
    { before: (b, x) => b.sub(b.div(x, divisor(b)), perChannel(b, "c", [7, 1])), padding: padded },
  ],
];

describe("stays away", () => {
  it.each(nearMisses)("%s", (text, rule, parts) => {
    const graph = stem(parts);
    expect(reason(rule, graph)).toBe(text);
    expect(applied(graph, passOf(rule))).toEqual({ [rule.name]: 0 });
  });
});

/** (x / unit - mean) / std, as timm normalises. */
const normalized = (b: Builder, x: Value): Value =>
  b.div(b.sub(b.div(x, b.constant({ values: [255] })), perChannel(b, "mean")), perChannel(b, "std.var"));

describe("a whole normalisation", () => {
  it("leaves nothing before a convolution without padding", () => {
    const graph = stem({ before: normalized });
    expect(applied(graph, foldInput)).toEqual({
      "fold-input-scale": 2,
      "fold-input-shift": 1,
      "fold-input-scale-past-shift": 0,
    });
    expect(body(graph)).toEqual(["input", "conv"]);
  });

  it("leaves one subtraction before a convolution with padding", () => {
    const graph = stem({ before: normalized, padding: padded, bias: true });
    expect(applied(graph, foldInput)).toEqual({
      "fold-input-scale": 1,
      "fold-input-shift": 0,
      "fold-input-scale-past-shift": 1,
    });
    expect(body(graph)).toEqual(["input", "sub", "conv"]);
  });

  it("stays where its result is an output", () => {
    const graph = stem({ before: normalized, tap: (read) => read });
    expect(Object.values(applied(graph, foldInput))).toEqual([0, 0, 0]);
  });
});
