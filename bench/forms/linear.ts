import type { FormNode } from "./model.ts";
import { formFile, ints, numbers } from "./model.ts";
import { report } from "./race.ts";

/** x W + b over tokens, and a chain of two with an activation: as products, as Gemm, as convolutions of one pixel. */
export async function run(): Promise<void> {
  for (const [tokens, from, to] of [
    [197, 384, 1536],
    [197, 1536, 384],
    [3136, 96, 384],
    [49, 768, 768],
  ] as const) {
    const shape = [1, tokens, from];
    const w = numbers([from, to], 0.05);
    const constants = {
      w,
      b: numbers([to]),
      kernel: { ...w, dims: [to, from, 1, 1], values: transposed(w.values, from, to) },
      flat: ints(-1, from),
      rows: ints(-1, tokens, to),
      map: ints(0, 1, tokens, from),
      tokens: ints(0, tokens, to),
    };
    const form = (nodes: readonly FormNode[]): Uint8Array =>
      formFile({ inputs: { x: shape }, constants, nodes, rank: 3 });
    await report(
      `linear ${from} to ${to} of ${tokens} tokens`,
      {
        "MatMul, Add": form([
          ["MatMul", ["x", "w"], "m"],
          ["Add", ["m", "b"], "y"],
        ]),
        "Reshape, Gemm, Reshape": form([
          ["Reshape", ["x", "flat"], "f"],
          ["Gemm", ["f", "w", "b"], "g"],
          ["Reshape", ["g", "rows"], "y"],
        ]),
        "Transpose, Conv, Transpose": form([
          ["Reshape", ["x", "map"], "r"],
          ["Transpose", ["r"], "t", { perm: [0, 3, 1, 2] }],
          ["Conv", ["t", "kernel", "b"], "c"],
          ["Transpose", ["c"], "u", { perm: [0, 2, 3, 1] }],
          ["Reshape", ["u", "tokens"], "y"],
        ]),
        "FusedMatMul, Add": form([
          ["com.microsoft::FusedMatMul", ["x", "w"], "m"],
          ["Add", ["m", "b"], "y"],
        ]),
      },
      { inputs: { x: shape } },
    );
  }
}

/** Row-major [rows, columns] as [columns, rows]. */
const transposed = (values: readonly number[], rows: number, columns: number): number[] =>
  Array.from({ length: rows * columns }, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)] ?? 0);
