import { type Lifetime, planArena } from "../kernel/arena.ts";
import { bindCommon } from "../kernel/bind.ts";
import { type BoundProgram, bindWeights, bindingAlignment } from "../kernel/bindings.ts";
import type { Program } from "../kernel/build.ts";
import { chooseSchedule } from "../kernel/choose.ts";
import type { Buffer } from "../kernel/expr.ts";
import { legalizeWgsl } from "../kernel/legalize.ts";
import { lower } from "../kernel/lower.ts";
import { renamed } from "../kernel/rename.ts";
import type { Plan, Step, Tensor } from "../../runtime/webgpu/plan.ts";
import { printWgsl } from "./print.ts";

export interface WebGpuProgram {
  readonly plan: Plan;
  /** WGSL, each kernel once however often it runs. */
  readonly shaders: readonly string[];
  readonly weights: BoundProgram["places"];
  /** The least memory that the tensors of a run need, in bytes. */
  readonly lowerBound: number;
}

/** Kernels, memory and bindings of a program. */
export function planWebGpu(program: Program): WebGpuProgram {
  const threads = program.kernels.map((kernel) => legalizeWgsl(lower(kernel.tile, chooseSchedule(kernel))));
  const bound = bindWeights(program, threads);
  const kernels = bound.kernels.map(bindCommon);
  const arena = layout(
    program,
    kernels.map((k) => k.buffers),
  );
  const shaders = new Map<string, number>();
  const steps = kernels.map((kernel, i): Step => {
    const text = printWgsl(renamed(kernel));
    const shader = shaders.get(text) ?? shaders.size;
    shaders.set(text, shader);
    const bindings = kernel.buffers.map((buffer): [0 | 1, number, number] => {
      const run = bound.runs.get(buffer);
      const size = Math.ceil((buffer.length * 4) / 16) * 16;
      return run === undefined ? [1, arena.offsets.get(buffer) ?? 0, size] : [0, run.offset, size];
    });
    return { name: program.kernels[i]?.tile.name ?? "", shader, grid: kernel.grid, bindings };
  });
  const tensor = (name: string, { value, order, buffer }: Program["inputs"][number]): Tensor => ({
    name,
    shape: value.type.shape as readonly number[],
    order,
    offset: arena.offsets.get(buffer) ?? 0,
  });
  const plan: Plan = {
    weights: bound.bytes,
    arena: arena.bytes,
    inputs: program.inputs.map((stored) => tensor(stored.value.name, stored)),
    outputs: program.outputs.map(({ name, stored }) => tensor(name, stored)),
    steps,
  };
  return { plan, shaders: [...shaders.keys()], weights: bound.places, lowerBound: arena.lowerBound };
}

/** Where the tensors of a run lie. Inputs live from before the first step, outputs to behind the last one. */
function layout(
  program: Program,
  used: readonly (readonly Buffer[])[],
): { offsets: ReadonlyMap<Buffer, number>; bytes: number; lowerBound: number } {
  const lives = new Map<Buffer, { bytes: number; from: number; to: number }>();
  const begin = (buffer: Buffer, from: number): void => {
    lives.set(buffer, { bytes: buffer.length * 4, from, to: from });
  };
  for (const { buffer } of program.inputs) begin(buffer, -1);
  program.kernels.forEach(({ output }, i) => begin(output.buffer, i));
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
  const tensors: readonly Lifetime[] = [...lives.values()];
  const { offsets, bytes, lowerBound } = planArena(tensors, bindingAlignment);
  return { offsets: new Map([...lives.keys()].map((buffer, i) => [buffer, offsets[i] ?? 0])), bytes, lowerBound };
}
