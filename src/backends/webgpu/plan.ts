import type { Program } from "../kernel/build.ts";
import { legalizeWgsl } from "../kernel/legalize.ts";
import { type KernelPlan, type PlannedTensor, planKernels } from "../kernel/plan.ts";
import type { Plan, Step, Tensor } from "../../runtime/webgpu/plan.ts";
import { printWgsl } from "./print.ts";

export interface WebGpuProgram {
  readonly plan: Plan;
  /** WGSL, each kernel once however often it runs. */
  readonly shaders: readonly string[];
  /** What the plan was made of. */
  readonly kernels: KernelPlan;
}

/** The program of a graph for a WebGPU device. */
export function planWebGpu(program: Program): WebGpuProgram {
  const kernels = planKernels(program, { legalize: legalizeWgsl });
  const shaders = new Map<string, number>();
  const steps = kernels.steps.map(({ name, kernel, bindings }): Step => {
    const text = printWgsl(kernel);
    const shader = shaders.get(text) ?? shaders.size;
    shaders.set(text, shader);
    return {
      name,
      shader,
      grid: kernel.grid,
      bindings: bindings.map(({ memory, offset, bytes }) => [memory === "weights" ? 0 : 1, offset, bytes]),
    };
  });
  const plan: Plan = {
    weights: kernels.weights.bytes,
    arena: kernels.arena.bytes,
    inputs: kernels.inputs.map(tensorOf),
    outputs: kernels.outputs.map(tensorOf),
    steps,
  };
  return { plan, shaders: [...shaders.keys()], kernels };
}

const tensorOf = ({ name, stored, offset }: PlannedTensor): Tensor => ({
  name,
  shape: stored.value.type.shape as readonly number[],
  order: stored.order,
  offset,
});
