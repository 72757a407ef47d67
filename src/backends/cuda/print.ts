import type { Buffer } from "../kernel/expr.ts";
import { type Spelling, literalText, printBody, unitsOf } from "../kernel/print.ts";
import type { ThreadKernel } from "../kernel/thread.ts";

const numbers = { f32: "float", i32: "int", bool: "bool", f16x2: "unsigned" } as const;

/** CUDA C++ with the vectors and functions of data/cuda/prelude.cuh. */
const cuda: Spelling = {
  type: (dtype, lanes) => (lanes === 1 ? numbers[dtype] : `Vec<${numbers[dtype]}, ${lanes}>`),
  literal: literalText,
  functions: {
    abs: "vabs",
    exp: "vexp",
    log: "vlog",
    sqrt: "vsqrt",
    rsqrt: "vrsqrt",
    sin: "vsin",
    cos: "vcos",
    tanh: "vtanh",
    erf: "verf",
    floor: "vfloor",
    min: "vmin",
    max: "vmax",
    pow: "vpow",
  },
  select: (condition, x, y, lanes) =>
    lanes === 1 ? `(${condition} ? ${x} : ${y})` : `vselect(${condition}, ${x}, ${y})`,
  declare: (name, type, value, changes) => `${changes ? "" : "const "}${type} ${name} = ${value};`,
  int: "int",
  place: (buffer, at, lanes, _, dtype) => {
    if (dtype === "f16x2") return `words<${lanes}>(${buffer.name})[${at}]`;
    return lanes === 1 ? `${buffer.name}[${at}]` : `vectors<${lanes}>(${buffer.name})[${at}]`;
  },
  read: (place, { buffer, dtype }) => (buffer.storage === "f16" && dtype === "f32" ? `widen(${place})` : place),
  write: (value, { buffer, dtype }) => (buffer.storage === "f16" && dtype === "f32" ? `narrow(${value})` : value),
  copy: (to, from, bytes, mask) => `copy_behind<${bytes}>(&${to}, &${from}, ${mask ?? "true"});`,
  commit: "copy_commit();",
  wait: (pending) => `copy_wait<${pending}>();`,
  mma: (d, a, b) => `mma_m16n8k16(${[...d, ...a, ...b].join(", ")});`,
  halves: (x) => `halves(${x})`,
  numbers: (x) => `numbers(${x})`,
  castsPlaces: true,
  shuffle: (x, xor) => `warp_xor(${x}, ${xor})`,
  masked: (mask, read, zero) => `(${mask} ? ${read} : ${zero})`,
  barrier: "__syncthreads();",
  variables: {
    thread: "int(threadIdx.x)",
    "block.x": "int(blockIdx.x)",
    "block.y": "int(blockIdx.y)",
    "block.z": "int(blockIdx.z)",
  },
};

const elements = { f32: "float", f16: "__half", i32: "int" } as const;

/**
 * A kernel as a __global__ function of a name, which takes its buffers in order. `apart` says that what it writes never overlaps
 * with what it reads, which then goes through the read-only cache.
 */
export function printCuda(kernel: ThreadKernel, name: string, apart: boolean): string {
  const parameters = kernel.buffers.map(({ name: buffer, storage }, i) => {
    const written = kernel.writes.has(kernel.buffers[i] as Buffer);
    return `${written ? "" : "const "}${elements[storage]}* ${apart ? "__restrict__ " : ""}${buffer}`;
  });
  return [
    `__global__ void ${boundOf(kernel)}${name}(${parameters.join(", ")}) {`,
    ...kernel.shared.map((b) => `  alignas(16) __shared__ ${elements[b.storage]} ${b.name}[${b.length}];`),
    ...printBody(kernel.body, cuda, unitsOf(kernel), "  "),
    "}",
    "",
  ].join("\n");
}

/**
 * Blocks of 256 threads fit however many registers a thread has, 255 at most. Told of small blocks, ptxas spills to have more of
 * them at a time.
 */
const boundOf = ({ workgroup }: ThreadKernel): string => (workgroup > 256 ? `__launch_bounds__(${workgroup}) ` : "");
