import type { Buffer } from "../../../src/backends/kernel/expr.ts";
import { interpretKernel } from "../../../src/backends/kernel/interpret.ts";
import type { KernelPlan, PlannedTensor } from "../../../src/backends/kernel/plan.ts";
import type { Stored } from "../../../src/backends/kernel/build.ts";
import { type NdArray, ndarray } from "../../../src/ir/ndarray.ts";
import { ordered, unordered } from "../../../src/runtime/order.ts";

const shapeOf = ({ value }: Stored): readonly number[] => value.type.shape as readonly number[];

/** Runs a plan as a device does: in one arena, which begins as no numbers, with the weights in one file. */
export function runPlan(plan: KernelPlan, numbersOf: (stored: Stored) => NdArray): ReadonlyMap<string, NdArray> {
  const arena = new Float32Array(plan.arena.bytes / 4).fill(NaN);
  const weights = new Float32Array(plan.weights.bytes / 4).fill(NaN);
  const put = (memory: Float32Array, stored: Stored, offset: number): void => {
    const data = Float32Array.from(numbersOf(stored).data);
    memory.set(ordered(data, shapeOf(stored), stored.order), offset / 4);
  };
  for (const { weight, offset } of plan.weights.places) put(weights, weight, offset);
  for (const { stored, offset } of plan.inputs) put(arena, stored, offset);
  for (const { kernel, bindings } of plan.steps) {
    const memory = new Map<Buffer, Float32Array>();
    kernel.buffers.forEach((buffer, i) => {
      const { memory: whose, offset } = bindings[i] as (typeof bindings)[number];
      const from = offset / 4;
      memory.set(buffer, (whose === "weights" ? weights : arena).subarray(from, from + buffer.length));
    });
    interpretKernel(kernel, memory);
  }
  const result = ({ stored, offset }: PlannedTensor): NdArray => {
    const data = arena.slice(offset / 4, offset / 4 + stored.buffer.length);
    return ndarray(stored.value.type.dtype, shapeOf(stored), unordered(data, shapeOf(stored), stored.order));
  };
  return new Map(plan.outputs.map((tensor) => [tensor.name, result(tensor)]));
}
