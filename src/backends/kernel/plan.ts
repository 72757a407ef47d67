import { type Lifetime, planArena } from "./arena.ts";
import { type WeightPlace, bindingAlignment, bytesOf, placeWeights, runsOf } from "./bindings.ts";
import type { Kernel, Program, Stored } from "./build.ts";
import { chooseSchedule } from "./choose.ts";
import type { Buffer } from "./expr.ts";
import { Forms } from "./forms.ts";
import { inPlace } from "./in-place.ts";
import type { Schedule } from "./schedule.ts";
import { wholeOf } from "./stored.ts";
import type { ThreadKernel } from "./thread.ts";

/** What runs, in order, and where everything lies: all that is left to a target is how it writes the kernels. */
export interface KernelPlan {
  readonly steps: readonly PlannedStep[];
  readonly inputs: readonly PlannedTensor[];
  readonly outputs: readonly PlannedTensor[];
  /** The weight file: its bytes, and where each weight begins. */
  readonly weights: { readonly bytes: number; readonly places: readonly WeightPlace[] };
  /** The memory that all other tensors share; `lowerBound` is the most that is alive at one step. */
  readonly arena: { readonly bytes: number; readonly lowerBound: number; readonly tensors: readonly PlannedLifetime[] };
}

/** One kernel's run. Its buffers are `b0`, `b1` ..., so that kernels of one shape print alike. */
export interface PlannedStep {
  /** The module path of what it stores. */
  readonly name: string;
  readonly kernel: ThreadKernel;
  /** In the order of the kernel's buffers. Offsets and sizes are in bytes. */
  readonly bindings: readonly Binding[];
}

export interface Binding {
  readonly memory: "weights" | "arena";
  readonly offset: number;
  readonly bytes: number;
}

/** A tensor that the caller gives or takes, at `offset` bytes of the arena. */
export interface PlannedTensor {
  readonly name: string;
  readonly stored: Stored;
  readonly offset: number;
}

/** A tensor of the arena, and the steps that need it: -1 is before the first, `steps.length` behind the last. */
interface PlannedLifetime extends Lifetime {
  readonly name: string;
  readonly offset: number;
}

/** Threads, memory and bindings of a program. `legalize` rewrites what the target's language lacks. */
export function planKernels(
  given: Program,
  legalize: (kernel: ThreadKernel) => ThreadKernel,
  schedule: (kernel: Kernel) => Schedule = (kernel) => chooseSchedule(kernel),
): KernelPlan {
  const schedules = given.kernels.map(schedule);
  const program = inPlace(given, schedules);
  const printed = new Forms(legalize);
  const lowered = program.kernels.map((kernel, i) => printed.lowered(kernel, schedules[i] as Schedule));
  const used = lowered.map(({ buffers }) => buffers);
  const file = placeWeights(program.weights, used);
  const lives = lifetimes(program, used);
  const { offsets, bytes, lowerBound } = planArena([...lives.values()], bindingAlignment);
  const places = new Map([...lives.keys()].map((buffer, i) => [buffer, offsets[i] ?? 0]));
  const steps = lowered.map((own, i): PlannedStep => {
    const runs = runsOf(own.buffers, file);
    const { kernel, sources } = printed.bound(own, runs);
    const bindings = kernel.buffers.map((buffer, j): Binding => {
      const source = sources[j];
      const size = Math.ceil(bytesOf(buffer) / 16) * 16;
      if (typeof source === "number") return { memory: "weights", offset: runs[source]?.offset ?? 0, bytes: size };
      return { memory: "arena", offset: (source && places.get(source)) ?? 0, bytes: size };
    });
    return { name: program.kernels[i]?.tile.name ?? "", kernel, bindings };
  });
  const tensor = (name: string, stored: Stored): PlannedTensor => ({
    name,
    stored,
    offset: places.get(stored.buffer) ?? 0,
  });
  const tensors = [...lives].map(([buffer, life]) => ({ ...life, offset: places.get(buffer) ?? 0 }));
  return {
    steps,
    inputs: program.inputs.map((stored) => tensor(stored.value.name, stored)),
    outputs: program.outputs.map(({ name, stored }) => tensor(name, stored)),
    weights: { bytes: file.bytes, places: file.places },
    arena: { bytes, lowerBound, tensors },
  };
}

/** Inputs live from before the first step, outputs to behind the last one. */
function lifetimes(
  program: Program,
  used: readonly (readonly Buffer[])[],
): ReadonlyMap<Buffer, Lifetime & { readonly name: string }> {
  const lives = new Map<Buffer, { name: string; bytes: number; from: number; to: number }>();
  const begin = ({ buffer, value }: Stored, from: number): void => {
    if (!lives.has(buffer)) lives.set(buffer, { name: value.name, bytes: bytesOf(buffer), from, to: from });
  };
  for (const stored of program.inputs) begin(stored, -1);
  program.kernels.forEach(({ output, others = [] }, i) => {
    for (const stored of [...others, output]) begin(wholeOf(stored), i);
  });
  used.forEach((buffers, i) => {
    for (const buffer of buffers) {
      const life = lives.get(buffer);
      if (life !== undefined) life.to = Math.max(life.to, i);
    }
  });
  for (const { stored } of program.outputs) {
    const life = lives.get(stored.buffer);
    if (life !== undefined) life.to = used.length;
  }
  return lives;
}
