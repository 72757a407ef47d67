import { type Dim, symbol } from "../../src/ir/dim.ts";
import { Graph } from "../../src/ir/graph.ts";
import { interpret } from "../../src/ir/interpret.ts";
import { type NdArray, ndarray, zeros } from "../../src/ir/ndarray.ts";
import { type Module, newLowering, scope } from "../../src/zoo/scope.ts";

/** x with elements from a function of their flat index. */
export const filled = (shape: readonly number[], element: (i: number) => number): NdArray =>
  ndarray(
    "f32",
    shape,
    Float64Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => element(i)),
  );

/** Numbers without a pattern that a wrong layout could keep. */
export const noise = (shape: readonly number[]): NdArray => filled(shape, (i) => Math.sin(12.9898 * i + 1) * 3);

/**
 * Runs a module in the interpreter; the batch stays a symbol, and so do the last two axes with `dynamic`. Parameters come by name,
 * zeros where none is given.
 */
export function runModule(
  module: Module,
  x: NdArray,
  params: Readonly<Record<string, NdArray>> = {},
  dynamic = false,
): NdArray {
  const [n = 1, ...rest] = x.shape;
  const [h = 1, w = 1] = rest.slice(-2);
  const size: Dim[] = dynamic ? [...rest.slice(0, -2), symbol("H"), symbol("W")] : rest;
  const graph = new Graph("test");
  const input = graph.insert("input", [], { shape: [symbol("N"), ...size] }, { path: "input", rules: [] });
  graph.setOutputs([{ name: "y", value: module(scope(newLowering(graph), ""), input) }]);
  const results = interpret(graph, {
    symbols: { N: n, H: h, W: w },
    input: () => x,
    param: (key, type) => params[key] ?? zeros(type.dtype, type.shape),
  });
  const result = results.get("y");
  if (result === undefined) throw new Error("no output");
  return result;
}

export const closeTo = (got: NdArray, want: readonly number[], tolerance = 1e-12): boolean =>
  got.data.length === want.length && want.every((v, i) => Math.abs(v - (got.data[i] ?? Number.NaN)) <= tolerance);
