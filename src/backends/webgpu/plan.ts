import { TimmcError } from "../../ir/error.ts";
import type { Program } from "../kernel/build.ts";
import { chooseSchedule } from "../kernel/choose.ts";
import { legalizeWgsl } from "../kernel/legalize.ts";
import { type KernelPlan, type PlannedTensor, planKernels } from "../kernel/plan.ts";
import { type Plan, type Step, type Tensor, elementTypes } from "../../runtime/webgpu/plan.ts";
import { type Table, gpuTable } from "../kernel/table.ts";
import { requireLimits } from "./limits.ts";
import { hasHalves, printWgsl } from "./print.ts";

interface WebGpuProgram {
  readonly plan: Plan;
  /** WGSL, each kernel once however often it runs. */
  readonly shaders: readonly string[];
  /** What the plan was made of. */
  readonly kernels: KernelPlan;
}

/** The program of a graph for a WebGPU device. Throws `unsupported`, with the module, for what no device need take. */
export function planWebGpu(program: Program, table: Table = gpuTable): WebGpuProgram {
  const kernels = planKernels(program, legalizeWgsl, (kernel) => chooseSchedule(kernel, table));
  const shaders = new Map<string, number>();
  // Steps of one form have one kernel.
  const texts = new Map<ThreadKernel, string>();
  const steps = kernels.steps.map((step): Step => {
    requireLimits(step);
    const { name, kernel, bindings } = step;
    const text = texts.get(kernel) ?? printWgsl(kernel);
    texts.set(kernel, text);
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
    features: kernels.steps.some(({ kernel }) => hasHalves(kernel)) ? ["shader-f16"] : [],
    inputs: kernels.inputs.map(tensorOf),
    outputs: kernels.outputs.map(tensorOf),
    steps,
  };
  return { plan, shaders: [...shaders.keys()], kernels };
}

function tensorOf({ name, stored, offset }: PlannedTensor): Tensor {
  const { shape, dtype: given } = stored.value.type;
  const dtype = elementTypes.find((t) => t === given);
  if (dtype === undefined)
    throw new TimmcError("unsupported", `${name} is of type ${given}, which the WebGPU runtime does not hand over`);
  return { name, dtype, shape: shape as readonly number[], order: stored.order, offset };
}
