import { describe, expect, it } from "vitest";
import { decodeNumbers, encodeNumbers } from "../../../src/ir/bytes.ts";
import { builderAt } from "../../../src/ir/builder.ts";
import { Graph } from "../../../src/ir/graph.ts";
import { interpret } from "../../../src/ir/interpret.ts";
import { ndarray } from "../../../src/ir/ndarray.ts";
import { roundHalfEven, saturate } from "../../../src/ir/ops/quantize.ts";
import { count } from "../../../src/ir/type.ts";
import { emitAndRun } from "../../backends/onnx/emit-and-run.ts";
import { refusal } from "../refusal.ts";
import { expectClose } from "./case-graph.ts";

const numbers = (name: string, shape: readonly number[]) =>
  ndarray(
    "f32",
    shape,
    Float64Array.from({ length: count(shape) }, (_, i) =>
      Math.fround(name === "scale" ? 0.1 + 0.01 * i : Math.sin(1 + 2.3 * i)),
    ),
  );

/** x times a matrix [6, 5] whose columns are quantised in blocks of 4 rows: the last block is half full. */
function blocks(to: "i4" | "i8", axis: number): Graph {
  const graph = new Graph("g");
  const on = (path: string) => builderAt({ graph, origin: { path, rules: [] } });
  const shape = [6, 5];
  const scale = on("scale").param({ key: "scale", shape: shape.with(axis, 2) });
  const block = axis === 0 ? 4 : 3;
  const whole = on("q").quantize(on("w").param({ key: "w", shape }), scale, undefined, { to, axis, block });
  const x = on("x").input({ shape: [2, 6] });
  const y = on("y").matmul(x, on("d").dequantize(whole, scale, undefined, { axis, block }));
  graph.setOutputs([{ name: "y", value: y }]);
  return graph;
}

describe.each(["i4", "i8"] as const)("blocks of %s", (to) => {
  it.each([0, 1])("along axis %i are what ONNX Runtime computes", async (axis) => {
    const graph = blocks(to, axis);
    const env = {
      symbols: {},
      input: (name: string, type: { shape: readonly number[] }) => numbers(name, type.shape),
      param: (name: string, type: { shape: readonly number[] }) => numbers(name, type.shape),
    };
    const expected = interpret(graph, env).get("y");
    const [results] = await emitAndRun(graph, numbers, [{}], 21, "standard");
    expectClose(results?.get("y"), expected ?? numbers("", []), { absolute: 1e-5, relative: 1e-5 }, () => "y");
  });

  it("are refused before opset 21", () => {
    expect(refusal(() => emitAndRun(blocks(to, 0), numbers, [{}], 20, "standard"))).toContain(
      "opset 20 has no 4-bit integers and blocks of scales",
    );
  });
});

it("integers of 32 bits are rounded when they are written, and not by the model", () => {
  const graph = new Graph("g");
  const b = builderAt({ graph, origin: { path: "m", rules: [] } });
  const scale = b.constant({ values: [0.5] });
  const y = b.quantize(b.input({ shape: [2] }), scale, undefined, { to: "i32" });
  graph.setOutputs([{ name: "y", value: y }]);
  expect(refusal(() => emitAndRun(graph, numbers, [{}], 21, "standard"))).toContain(
    "ONNX rounds to integers of 32 bits only what is a weight",
  );
});

it.each([
  ["C1", { x: "f32", scale: "f64", shape: [] }, {}],
  ["C2", { x: "f32", scale: "f32", shape: [3] }, { axis: 0 }],
  ["C2", { x: "f32", scale: "f32", shape: [2, 3] }, { axis: 1, block: 0 }],
  ["C2", { x: "f32", scale: "f32", shape: [2, 3] }, { axis: 1, block: 3 }],
  ["C2", { x: "f32", scale: "f32", shape: [4] }, { axis: 5 }],
  ["C2", { x: "f32", scale: "f32", shape: [2, 2] }, { axis: 1, block: -2 }],
] as const)("quantize refuses by %s: %j %j", (label, { x, scale, shape }, attrs) => {
  const graph = new Graph("g");
  const b = builderAt({ graph, origin: { path: "m", rules: [] } });
  const operands = [b.input({ shape: [2, 4], dtype: x }), b.input({ shape, dtype: scale })] as const;
  expect(refusal(() => b.quantize(...operands, undefined, { to: "u8", ...attrs }))).toContain(`: ${label}: `);
});

it("a zero point has the type that is rounded to, and the shape of the scale", () => {
  const graph = new Graph("g");
  const b = builderAt({ graph, origin: { path: "m", rules: [] } });
  const [x, scale] = [b.input({ shape: [2, 4] }), b.constant({ values: [0.5] })];
  const zero = (dtype: "u8" | "i8", shape: readonly number[]) => b.constant({ values: [0], dtype, shape });
  expect(refusal(() => b.quantize(x, scale, zero("u8", []), { to: "u8" }))).toBe("accepted");
  expect(refusal(() => b.quantize(x, scale, zero("i8", []), { to: "u8" }))).toContain(": C3: ");
  expect(refusal(() => b.quantize(x, scale, zero("u8", [4]), { to: "u8" }))).toContain(": C3: ");
  expect(refusal(() => b.dequantize(x, scale, undefined))).toContain(": C1: ");
});

it("halves are rounded to the even integer, and what is too large is cut", () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999999999999994, 3].map(roundHalfEven)).toEqual([
    0, 2, 2, 0, -2, -2, 0, 3,
  ]);
  expect([300, -1, Number.NaN].map((x) => saturate(x, "u8"))).toEqual([255, 0, 0]);
  expect([9, -9].map((x) => saturate(x, "i4"))).toEqual([7, -8]);
});

it("two integers of four bits share a byte, the first in the low half", () => {
  expect([...encodeNumbers("i4", Float64Array.of(1, -2, 7))]).toEqual([0xe1, 0x07]);
  expect([...decodeNumbers("i4", Uint8Array.of(0xe1, 0x87))]).toEqual([1, -2, 7, -8]);
});
