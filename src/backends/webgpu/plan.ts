import { TimmcError } from "../../ir/error.ts";
import type { Graph } from "../../ir/graph.ts";
import { type Kernel, type Program, buildProgram } from "../kernel/build.ts";
import { chooseSchedule } from "../kernel/choose.ts";
import { Forms } from "../kernel/forms.ts";
import { halvesAsWords, storedAlone } from "../kernel/halves-as-words.ts";
import { legalizeWgsl } from "../kernel/legalize.ts";
import { type KernelPlan, type PlannedTensor, planKernels } from "../kernel/plan.ts";
import { type Plan, type Step, type Tensor, elementTypes } from "../../runtime/webgpu/plan.ts";
import type { KernelPrecision } from "../kernel/precision.ts";
import { type Table, gpuTable } from "../kernel/table.ts";
import type { Schedule } from "../kernel/schedule.ts";
import { maxUnrolled, unrolledBy } from "../kernel/tune.ts";
import { requireLimits } from "./limits.ts";
import { wholeOf } from "../kernel/stored.ts";
import type { ThreadKernel } from "../kernel/thread.ts";
import { printWgsl } from "./print.ts";

interface WebGpuProgram {
  readonly plan: Plan;
  /** WGSL, each kernel once however often it runs. */
  readonly shaders: readonly string[];
  /** What the plan was made of. */
  readonly kernels: KernelPlan;
}

/**
 * The kernels of a graph. In fp16 tensors are kept in halves where every kernel stores them in pairs, since WebGPU's memory is
 * written word by word.
 */
export function buildWebGpu(graph: Graph, precision: KernelPrecision = "fp32", table: Table = gpuTable): Program {
  if (precision === "fp32") return buildProgram(graph);
  const wide = new Set<string>();
  // Rounds differ in few kernels: the others are lowered once.
  const forms = new Forms((kernel) => kernel);
  for (;;) {
    const program = buildProgram(graph, { storage: "f16", wide });
    const before = wide.size;
    for (const kernel of program.kernels) {
      const { kernel: threads, buffers } = forms.lowered(kernel, scheduleFor(kernel, table));
      const names = storedAlone(threads);
      const alone = new Set(buffers.filter((_, i) => names.has(threads.buffers[i]?.name ?? "")));
      for (const stored of [kernel.output, ...(kernel.others ?? [])])
        if (alone.has(stored.buffer)) wide.add(wholeOf(stored).value.name);
    }
    if (wide.size === before) return program;
  }
}

/** Throws `unsupported` for a measured tile of which lowering would never end: files say them. */
function scheduleFor(kernel: Kernel, table: Table): Schedule {
  const schedule = chooseSchedule(kernel, table);
  if (table.measured === undefined || unrolledBy(schedule) <= maxUnrolled) return schedule;
  throw new TimmcError("unsupported", `a measured tile gives each thread ${unrolledBy(schedule)} numbers`, {
    trail: [kernel.tile.name],
    hint: `At most ${maxUnrolled} are taken: measure again with timmc tune.`,
  });
}

const legalize = (kernel: ThreadKernel): ThreadKernel => legalizeWgsl(halvesAsWords(kernel));

/** The program of a graph for a WebGPU device. Throws `unsupported`, with the module, for what no device need take. */
export function planWebGpu(program: Program, table: Table = gpuTable): WebGpuProgram {
  const kernels = planKernels(program, legalize, (kernel) => scheduleFor(kernel, table));
  const shaders = new Map<string, number>();
  // Steps of one form have one kernel.
  const texts = new Map<ThreadKernel, string>();
  const steps = kernels.steps.map((step): Step => {
    requireLimits(step);
    const { name, kernel, bindings } = step;
    const weights = new Set(kernel.buffers.filter((_, i) => bindings[i]?.memory === "weights"));
    const text = texts.get(kernel) ?? printWgsl(kernel, weights);
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
