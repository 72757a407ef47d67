import { decodeNumbers, encodeNumbers } from "../../../src/ir/bytes.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import { type Environment, interpret } from "../../../src/ir/interpret.ts";
import { type NdArray, ndarray } from "../../../src/ir/ndarray.ts";

/** The values of a graph of which each is rounded to its element type as soon as it is computed, as by one kernel per op. */
export function interpretRounded(graph: Graph, env: Environment): ReadonlyMap<string, NdArray> {
  const rounded = (array: NdArray): void => {
    const { dtype, data } = array;
    if (dtype !== "f16" && dtype !== "f32") return;
    data.set(decodeNumbers(dtype, encodeNumbers(dtype, Float64Array.from(data))));
  };
  return interpret(graph, env, (_, result) => rounded(result));
}

/** The root of the mean squared error, as a fraction of the standard deviation of what is expected. */
export function errorOf(actual: NdArray | undefined, expected: NdArray | undefined): number {
  const [a, e] = [actual?.data ?? [], expected?.data ?? []];
  const mean = Array.from(e).reduce((sum, x) => sum + x, 0) / e.length;
  let [errors, variance] = [0, 0];
  for (let i = 0; i < e.length; i++) {
    errors += ((a[i] ?? Number.NaN) - (e[i] ?? 0)) ** 2;
    variance += ((e[i] ?? 0) - mean) ** 2;
  }
  return Math.sqrt(errors / variance);
}

/** The same numbers in every position. */
export const filled = (shape: readonly number[], value: (i: number) => number): NdArray =>
  ndarray(
    "f32",
    shape,
    Float64Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => value(i)),
  );
