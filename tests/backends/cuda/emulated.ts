import { mkdirSync } from "node:fs";
import { writeCuda } from "../../../src/backends/cuda/emit.ts";
import { type CudaProgram, buildCuda, planCuda } from "../../../src/backends/cuda/plan.ts";
import type { KernelPrecision } from "../../../src/backends/kernel/precision.ts";
import { encodeNumbers } from "../../../src/ir/bytes.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import { type NdArray, ndarray } from "../../../src/ir/ndarray.ts";
import { startCuda } from "../../../src/runtime/cuda/open.ts";

export type Numbers = (name: string, shape: readonly number[]) => NdArray;

/** Writes the artifact's files of a graph, as the product builds it, into a new folder. */
export async function writeGraph(
  folder: string,
  graph: Graph,
  numbers: Numbers,
  {
    precision,
    schedule,
  }: { readonly precision?: KernelPrecision; readonly schedule?: Parameters<typeof planCuda>[1] } = {},
): Promise<CudaProgram> {
  const program = planCuda(buildCuda(graph, precision), schedule);
  mkdirSync(folder, { recursive: true });
  const parameters = {
    bytes: (key: string, { dtype, shape }: { dtype: NdArray["dtype"]; shape: readonly number[] }) =>
      encodeNumbers(dtype, numbers(key, shape).data),
  };
  await writeCuda(folder, program, parameters);
  return program;
}

/** Compiles what a folder holds for the processor, and gives the outputs of each of several runs with the same numbers. */
export async function runEmulated(
  folder: string,
  numbers: Numbers,
  { flags, runs = 1 }: { readonly flags?: readonly string[]; readonly runs?: number } = {},
): Promise<readonly ReadonlyMap<string, NdArray>[]> {
  const { process } = await startCuda(folder, { place: "emulation", ...(flags !== undefined && { flags }) });
  const { inputs, outputs } = process.description;
  const given = inputs.map(({ name, shape }) => Float32Array.from(numbers(name, shape).data));
  const results: ReadonlyMap<string, NdArray>[] = [];
  try {
    for (let i = 0; i < runs; i++) {
      const answer = await process.run(given);
      results.push(
        new Map(
          outputs.map(({ name, shape }, j) => [name, ndarray("f32", shape, answer[j] ?? new Float32Array())] as const),
        ),
      );
    }
  } finally {
    await process.close();
  }
  return results;
}
