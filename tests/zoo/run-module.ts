import { symbol } from "../../src/ir/dim.ts";
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

/** Runs a module in the interpreter; the batch stays a symbol. Parameters come by name, zeros where none is given. */
export function runModule(module: Module, x: NdArray, params: Readonly<Record<string, NdArray>> = {}): NdArray {
  const [n = 1, ...rest] = x.shape;
  const graph = new Graph("test");
  const input = graph.insert("input", [], { shape: [symbol("N"), ...rest] }, { path: "input", rules: [] });
  graph.setOutputs([{ name: "y", value: module(scope(newLowering(graph), ""), input) }]);
  const results = interpret(graph, {
    symbols: { N: n },
    input: () => x,
    param: (key, type) => params[key] ?? zeros(type.dtype, type.shape),
  });
  const result = results.get("y");
  if (result === undefined) throw new Error("no output");
  return result;
}

export const closeTo = (got: NdArray, want: readonly number[], tolerance = 1e-12): boolean =>
  got.data.length === want.length && want.every((v, i) => Math.abs(v - (got.data[i] ?? Number.NaN)) <= tolerance);
