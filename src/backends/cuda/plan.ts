import { TimmcError } from "../../ir/error.ts";
import type { Graph } from "../../ir/graph.ts";
import { bytesOf } from "../kernel/bindings.ts";
import { type Kernel, type Program, type Stored, addressOf, buildProgram } from "../kernel/build.ts";
import { chooseSchedule } from "../kernel/choose.ts";
import { load } from "../kernel/expr.ts";
import { indexOf, variable } from "../kernel/index-expr.ts";
import { legalizeCuda } from "../kernel/legalize.ts";
import { matrixSchedule } from "../kernel/matrix-schedule.ts";
import { type Binding, type KernelPlan, type PlannedStep, planKernels } from "../kernel/plan.ts";
import type { Schedule } from "../kernel/schedule.ts";
import type { KernelPrecision } from "../kernel/precision.ts";
import { stagedSchedule } from "../kernel/staged-schedule.ts";
import { printCuda } from "./print.ts";

/** A program for CUDA devices: each kernel once however often it runs, and what runs in order. */
export interface CudaProgram {
  readonly kernels: readonly CudaKernel[];
  readonly steps: readonly CudaStep[];
  /** What it was made of; its inputs and outputs are float32 in row-major order. */
  readonly plan: KernelPlan;
}

/** The text of a __global__ function called `name`, whose blocks have `threads` threads. */
interface CudaKernel {
  readonly name: string;
  readonly text: string;
  readonly threads: number;
}

export interface CudaStep extends Pick<PlannedStep, "name" | "bindings"> {
  readonly kernel: CudaKernel;
  readonly grid: readonly [number, number, number];
}

/** The kernels of a graph as CUDA devices compute them best; fp16 needs matrix instructions, of sm_75 and newer. */
export const buildCuda = (graph: Graph, precision: KernelPrecision = "fp32"): Program =>
  buildProgram(graph, precision === "fp16" ? { storage: "f16", flat: true, matrices: true } : { flat: true });

/** Products go through workgroup memory, those of halves to matrix instructions; threads of a warp exchange registers. */
const cudaSchedule = (kernel: Kernel): Schedule =>
  matrixSchedule(kernel) ?? stagedSchedule(kernel) ?? { ...chooseSchedule(kernel), shuffles: true };

/** The program of a graph's kernels. Throws `unsupported` for what the C API has no place for. */
export function planCuda(program: Program, schedule: (kernel: Kernel) => Schedule = cudaSchedule): CudaProgram {
  const plan = planKernels(rowMajorOutputs(program), legalizeCuda, schedule);
  for (const { name, stored } of [...plan.inputs, ...plan.outputs]) requireFloats(name, stored);
  const kernels = new Map<string, CudaKernel>();
  const steps = plan.steps.map((step): CudaStep => {
    const { name, kernel, bindings } = step;
    requireDevice(step);
    const anonymous = printCuda(kernel, "", isApart(step));
    const known = kernels.get(anonymous);
    const own = `k${kernels.size}`;
    const found = known ?? { name: own, text: printCuda(kernel, own, isApart(step)), threads: kernel.workgroup };
    kernels.set(anonymous, found);
    return { name, bindings, kernel: found, grid: kernel.grid };
  });
  return { kernels: [...kernels.values()], steps, plan };
}

/** Programs whose outputs lie otherwise get a kernel behind the others for each such tensor. */
function rowMajorOutputs(program: Program): Program {
  const copies = new Map<Stored, Kernel>();
  const outputs = program.outputs.map(({ name, stored }) => {
    if (stored.order.every((axis, i) => axis === i) && stored.buffer.storage === "f32") return { name, stored };
    const copy = copies.get(stored) ?? copyKernel(stored);
    copies.set(stored, copy);
    return { name, stored: copy.output };
  });
  return { ...program, kernels: [...program.kernels, ...copies.values()], outputs };
}

function copyKernel(from: Stored): Kernel {
  const { value, buffer } = from;
  const order = value.type.shape.map((_, axis) => axis);
  const output: Stored = { value, order, buffer: { ...buffer, name: `${buffer.name}_out`, storage: "f32" } };
  const natural = (value.type.shape as readonly number[]).map((extent, i) => variable(`a${i}`, extent));
  const index = natural.map(indexOf);
  // A block has the axes along which either side is contiguous, so that it reads and writes whole sectors.
  const near = natural[from.order.at(-1) ?? 0];
  const last = natural.at(-1);
  const axes = [...natural.filter((axis) => axis !== near && axis !== last), near, last].filter(
    (axis, i, all) => axis !== undefined && all.indexOf(axis) === i,
  ) as typeof natural;
  const store = {
    kind: "store",
    buffer: output.buffer,
    index: addressOf(output, index),
    value: load(buffer, addressOf(from, index)),
  } as const;
  return {
    tile: { name: value.name, axes, body: [store] },
    group: { root: undefined, chain: [], stored: value },
    output,
  };
}

function requireFloats(name: string, { value, buffer }: Stored): void {
  if (value.type.dtype === "f32" && buffer.storage === "f32") return;
  throw new TimmcError("unsupported", `inputs and outputs are float32 under CUDA, and ${name} is ${value.type.dtype}`, {
    hint: "Leave --preprocess away, or use --target onnx.",
  });
}

/** What every CUDA device launches: blocks along y and z, bytes that a block shares, elements that an int counts. */
const limits = { blocks: 65_535, sharedBytes: 49_152, elements: 2 ** 31 } as const;

function requireDevice({ name, kernel }: PlannedStep): void {
  const refuse = (what: string): never => {
    throw new TimmcError("unsupported", what, { trail: [name], hint: "Use a smaller batch." });
  };
  const [x, y, z] = kernel.grid;
  if (x >= 2 ** 31 || y > limits.blocks || z > limits.blocks)
    refuse(`a kernel of ${kernel.grid.join(" x ")} blocks is more than CUDA launches`);
  const largest = Math.max(...kernel.buffers.map(({ length }) => length));
  if (largest >= limits.elements) refuse(`a tensor of ${largest} elements is more than an index of 32 bits reaches`);
  const shared = kernel.shared.reduce((n, buffer) => n + bytesOf(buffer), 0);
  if (shared > limits.sharedBytes)
    refuse(`a kernel that shares ${shared} bytes in a block is more than CUDA launches (${limits.sharedBytes})`);
}

/** Whether what a step writes overlaps with nothing else that it is given. */
const isApart = ({ kernel, bindings }: PlannedStep): boolean =>
  kernel.buffers.every(
    (buffer, i) =>
      !kernel.writes.has(buffer) || bindings.every((other, j) => i === j || !overlap(bindings[i] as Binding, other)),
  );

const overlap = (a: Binding, b: Binding): boolean =>
  a.memory === b.memory && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
