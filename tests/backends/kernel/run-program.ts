import { type Program, type Stored, addressOf } from "../../../src/backends/kernel/build.ts";
import type { Buffer } from "../../../src/backends/kernel/expr.ts";
import { constant } from "../../../src/backends/kernel/index-expr.ts";
import { interpretKernel } from "../../../src/backends/kernel/interpret.ts";
import type { ThreadKernel } from "../../../src/backends/kernel/thread.ts";
import { type NdArray, ndarray } from "../../../src/ir/ndarray.ts";
import { unravel } from "../../../src/ir/ops/conv.ts";

export type Memory = Map<Buffer, Float32Array>;

const shapeOf = ({ value }: Stored): readonly number[] => value.type.shape as readonly number[];

/** Where element `i` of a tensor, in row-major order, lies in memory. */
const placeOf = (stored: Stored, i: number): number =>
  addressOf(stored, unravel(i, shapeOf(stored)).map(constant)).constant;

/** Memory of a program before it runs: inputs and weights as its kernels read them, NaN in all that kernels write. */
export function memoryOf(program: Program, numbersOf: (stored: Stored) => NdArray): Memory {
  const memory: Memory = new Map();
  for (const stored of [...program.inputs, ...program.weights]) {
    const cells = new Float32Array(stored.buffer.length);
    numbersOf(stored).data.forEach((v: number, i: number) => {
      cells[placeOf(stored, i)] = v;
    });
    memory.set(stored.buffer, cells);
  }
  for (const { buffer } of program.kernels.flatMap(({ output, others = [] }) => [...others, output]))
    memory.set(buffer, new Float32Array(buffer.length).fill(NaN));
  return memory;
}

/** The outputs of a program in row-major order. */
export function outputsOf(program: Program, memory: Memory): ReadonlyMap<string, NdArray> {
  return new Map(
    program.outputs.map(({ name, stored }) => {
      const cells = memory.get(stored.buffer) ?? new Float32Array();
      const length = shapeOf(stored).reduce((n, d) => n * d, 1);
      const data = Float64Array.from({ length }, (_, i) => cells[placeOf(stored, i)] ?? NaN);
      return [name, ndarray(stored.value.type.dtype, shapeOf(stored), data)];
    }),
  );
}

/** Runs the kernels of a program one after the other in the interpreter, and gives its outputs. */
export function runProgram(
  program: Program,
  kernels: readonly ThreadKernel[],
  numbersOf: (stored: Stored) => NdArray,
): ReadonlyMap<string, NdArray> {
  const memory = memoryOf(program, numbersOf);
  for (const kernel of kernels) interpretKernel(kernel, memory);
  return outputsOf(program, memory);
}
