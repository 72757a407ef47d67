import { describe, expect, it } from "vitest";
import type { AttrValue } from "../../../src/ir/attr.ts";
import { symbol } from "../../../src/ir/dim.ts";
import { Graph } from "../../../src/ir/graph.ts";
import { interpret } from "../../../src/ir/interpret.ts";
import { zeros } from "../../../src/ir/ndarray.ts";
import type { OpName } from "../../../src/ir/ops/index.ts";
import type { StaticType } from "../../../src/ir/type.ts";
import { refusal } from "../refusal.ts";

const origin = (path: string) => ({ path, rules: [] });
type Attributes = Readonly<Record<string, AttrValue>>;

function attempt(op: OpName, shapes: readonly (readonly number[])[], attrs: Attributes): string {
  const graph = new Graph("g");
  const operands = shapes.map((shape, i) => graph.insert("input", [], { shape }, origin(`x${i}`)));
  const all = op === "conv" || op === "group_norm" ? [...operands, undefined, undefined].slice(0, 3) : operands;
  return refusal(() => graph.insert(op, all, attrs, origin("y")));
}

const plane = [2, 4, 8, 8];
const kernel = [4, 4, 3, 3];
const conv = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] };
const pool = { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 0, 0] };
const resize = { axes: [2], size: [4], mode: "linear" };

const steps = [2, 5, 3];
const gates = { weight: [2, 16, 3], recurrence: [2, 16, 4] };
const both = { direction: "bidirectional" };

const sound: readonly (readonly [OpName, readonly (readonly number[])[], Attributes])[] = [
  ["conv", [plane, kernel], conv],
  ["max_pool", [plane], pool],
  ["avg_pool", [plane], pool],
  ["group_norm", [plane], { groups: 2 }],
  ["resize", [plane], resize],
  ["lstm", [steps, gates.weight, gates.recurrence, [2, 32]], both],
  ["constant", [], { values: [1, -2], dtype: "i64", shape: [2] }],
  ["constant", [], { values: [0, 1], dtype: "bool", shape: [2] }],
  ["constant", [], { values: [0.5], shape: [0] }],
  ["iota", [], { shape: [3] }],
];

/** One hole each: numbers that would divide by zero, never end, or read beside the array. */
const holes: readonly (readonly [OpName, readonly (readonly number[])[], Attributes, string])[] = [
  ["conv", [plane, kernel], { ...conv, stride: [0, 1] }, "C7"],
  ["conv", [plane, kernel], { ...conv, dilation: [1, 0] }, "C7"],
  ["conv", [plane, kernel], { ...conv, dilation: [-1, 1] }, "C7"],
  ["conv", [plane, kernel], { ...conv, padding: [1, 1, -1, 1] }, "C7"],
  ["conv", [plane, kernel], { ...conv, groups: 0 }, "C7"],
  ["conv", [plane, kernel], { ...conv, groups: -1 }, "C7"],
  ["conv", [plane, [4, 4, 0, 3]], conv, "C7"],
  ["max_pool", [plane], { ...pool, stride: [2, 0] }, "C5"],
  ["max_pool", [plane], { ...pool, kernel: [0, 2], padding: [-1, 0, -1, 0] }, "C5"],
  ["avg_pool", [plane], { ...pool, stride: [-2, 2] }, "C5"],
  ["group_norm", [plane], { groups: 0 }, "C1"],
  ["group_norm", [plane], { groups: -2 }, "C1"],
  ["resize", [plane], { ...resize, size: [0] }, "C3"],
  ["resize", [[2, 4, 0]], resize, "C3"],
  ["lstm", [[2, 5, 3, 1], gates.weight, gates.recurrence, [2, 32]], both, "C1"],
  ["lstm", [[2, 0, 3], gates.weight, gates.recurrence, [2, 32]], both, "C1"],
  ["lstm", [steps, gates.weight, gates.recurrence, [2, 32]], { direction: "forward" }, "C2"],
  ["lstm", [steps, gates.weight, [2, 16, 5], [2, 32]], both, "C2"],
  ["lstm", [steps, [2, 0, 3], [2, 0, 0], [2, 0]], both, "C2"],
  ["lstm", [steps, [2, 16, 4], gates.recurrence, [2, 32]], both, "C3"],
  ["lstm", [steps, [1, 16, 3], gates.recurrence, [2, 32]], both, "C3"],
  ["lstm", [steps, gates.weight, gates.recurrence, [2, 16]], both, "C4"],
  ["constant", [], { values: [1.5], dtype: "i64" }, "C2"],
  ["constant", [], { values: [Number.NaN], dtype: "i32" }, "C2"],
  ["constant", [], { values: [2], dtype: "bool" }, "C2"],
  ["constant", [], { values: [2], shape: [-1, -1] }, "C3"],
  ["iota", [], { shape: [-3] }, "C2"],
];

describe("constraints of ops", () => {
  it.each(sound)("accept %s%j %j", (...parts) => expect(attempt(...parts)).toBe("accepted"));

  it.each(holes)("refuse %s%j %j by %s", (op, shapes, attrs, label) =>
    expect(attempt(op, shapes, attrs)).toContain(`: ${label}: `),
  );

  it("that depend on symbols are checked when these have values", () => {
    const graph = new Graph("g");
    const x = graph.insert("input", [], { shape: [symbol("N"), 3] }, origin("x"));
    const y = graph.insert("slice", [x], { axis: 0, range: [0, 5] }, origin("y"));
    graph.setOutputs([{ name: "y", value: y }]);
    const run = (n: number) => {
      const array = (_: string, { dtype, shape }: StaticType) => zeros(dtype, shape);
      return interpret(graph, { symbols: { N: n }, input: array, param: array });
    };
    expect(run(5).get("y")?.shape).toEqual([5, 3]);
    expect(refusal(() => run(2))).toBe("%y > slice(f32[2,3]): C2: range 0..5 of an extent of 2");
  });
});
