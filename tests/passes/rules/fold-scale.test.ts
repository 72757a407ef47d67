import { describe, expect, it } from "vitest";
import type { Builder } from "../../../src/ir/builder.ts";
import type { DType } from "../../../src/ir/dtype.ts";
import { symbol } from "../../../src/ir/dim.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Value } from "../../../src/ir/value.ts";
import { passOf } from "../../../src/passes/rewriting.ts";
import { foldScale } from "../../../src/passes/rules/fold-scale.ts";
import { applied, body, graphOf, reason } from "./harness.ts";

interface Parts {
  /** Shape of the gain; null for an input instead of a weight. */
  readonly gain: readonly number[];
  readonly running?: boolean;
  readonly bias?: boolean;
  readonly dtype?: DType;
  readonly outputs?: (b: Builder, made: Value, scaled: Value) => Readonly<Record<string, Value>>;
}

type Kind = "conv" | "linear";

const scaledGraph = (kind: Kind, parts: Parts): Graph =>
  graphOf((on) => {
    const { gain, running = false, bias = false, dtype = "f32" } = parts;
    const param = (key: string, shape: readonly number[]): Value => on(key).param({ key, dtype, shape });
    const offset = bias ? param("bias", [6]) : undefined;
    const made =
      kind === "conv"
        ? on("made").conv(on("x").input({ dtype, shape: [symbol("N"), 4, 5, 3] }), param("w", [6, 2, 3, 1]), offset, {
            stride: [2, 1],
            padding: [1, 0, 1, 0],
            dilation: [1, 1],
            groups: 2,
          })
        : on("made").linear(on("x").input({ dtype, shape: [symbol("N"), 5, 4] }), param("w", [6, 4]), offset);
    const g = running ? on("gain").input({ dtype, shape: gain }) : param("gain", gain);
    const scaled = on("scale").mul(made, g);
    return parts.outputs?.(on("tail"), made, scaled) ?? { y: scaled };
  });

const fires: readonly [Kind, string, Parts][] = [
  ["conv", "a vector along axis 1", { gain: [6, 1, 1], bias: true }],
  ["conv", "a vector along axis 1, without a bias", { gain: [1, 6, 1, 1] }],
  ["conv", "one number", { gain: [], bias: true }],
  ["conv", "one number of rank 3", { gain: [1, 1, 1] }],
  ["linear", "a vector along the last axis", { gain: [6], bias: true }],
  ["linear", "a vector along the last axis, without a bias", { gain: [1, 1, 6] }],
  ["linear", "one number", { gain: [1] }],
  ["linear", "a vector, in f16", { gain: [6], bias: true, dtype: "f16" }],
];

const nearMisses: readonly [Kind, Parts, string][] = [
  ["conv", { gain: [3] }, "f32[3] varies along axis 3, which is not the channels'"],
  ["conv", { gain: [6, 3, 1] }, "f32[6,3,1] varies along axis 2, which is not the channels'"],
  ["linear", { gain: [5, 1] }, "f32[5,1] varies along axis 1, which is not the channels'"],
  ["linear", { gain: [1, 1, 5, 6] }, "f32[1,1,5,6] varies along axis 1, which is not the channels'"],
  ["linear", { gain: [1, 1, 1, 6] }, "f32[1,1,1,6] makes f32[N,5,6] larger"],
  ["linear", { gain: [6], running: true }, "gain is no weight: it is known only when the model runs"],
  [
    "linear",
    { gain: [6], outputs: (_, made, scaled) => ({ scaled, made }) },
    "linear has 2 uses, and each needs its own result",
  ],
];

describe("fold-scale", () => {
  it.each(fires)("scales the outputs of a %s by %s", (kind, _, parts) => {
    const graph = scaledGraph(kind, parts);
    expect(applied(graph, passOf(foldScale))).toEqual({ "fold-scale": 1 });
    expect(body(graph)).toEqual(["input", kind]);
    const made = [...graph.values()].find((v) => v.op === kind);
    expect(made?.origin).toEqual({ path: "made", rules: ["fold-scale"] });
  });

  it("folds one scale after the other", () => {
    const outputs: Parts["outputs"] = (b, _, y) => ({ y: b.mul(y, b.constant({ values: [2] })) });
    const graph = scaledGraph("linear", { gain: [6], outputs });
    expect(applied(graph, passOf(foldScale))).toEqual({ "fold-scale": 2 });
  });

  it.each(nearMisses)("leaves a %s alone: case %#", (kind, parts, why) => {
    const graph = scaledGraph(kind, parts);
    expect(reason(foldScale, graph)).toBe(why);
    expect(applied(graph, passOf(foldScale))).toEqual({ "fold-scale": 0 });
  });
});
