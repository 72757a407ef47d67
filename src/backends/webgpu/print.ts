import type { Buffer, Lanes } from "../kernel/expr.ts";
import { type Spelling, literalText, printBody, unitsOf } from "../kernel/print.ts";
import type { ThreadKernel } from "../kernel/thread.ts";

const vectorOf = (type: string, lanes: Lanes): string => (lanes === 1 ? type : `vec${lanes}<${type}>`);

/**
 * WGSL (https://www.w3.org/TR/WGSL). A masked read happens whether the mask holds or not, and may leave its buffer: WGSL then gives
 * some element of it, or zero ("out of bounds access", section 14), of which the mask takes none.
 */
const wgsl: Spelling = {
  type: (dtype, lanes) => vectorOf(dtype === "f16x2" ? "u32" : dtype, lanes),
  literal: literalText,
  functions: {
    abs: "abs",
    exp: "exp",
    log: "log",
    sqrt: "sqrt",
    rsqrt: "inverseSqrt",
    sin: "sin",
    cos: "cos",
    tanh: "tanh",
    erf: "erf",
    floor: "floor",
    min: "min",
    max: "max",
    pow: "pow",
  },
  select: (condition, x, y) => `select(${y}, ${x}, ${condition})`,
  declare: (name, type, value, changes) => (changes ? `var ${name}: ${type} = ${value};` : `let ${name} = ${value};`),
  int: "",
  place: (buffer, at, lanes, unit, dtype) => {
    if (lanes === unit) return `${buffer.name}[${at}]`;
    const from = lanes === 1 ? at : `(${at}) * ${lanes}`;
    const type = dtype === "f16x2" ? "u32" : buffer.storage;
    return `vec${lanes}<${type}>(${Array.from({ length: lanes }, (_, i) => `${buffer.name}[${from} + ${i}]`).join(", ")})`;
  },
  read: (place) => place,
  write: (value) => value,
  halves: (x) => `pack2x16float(${x})`,
  numbers: (x) => `unpack2x16float(${x})`,
  castsPlaces: false,
  masked: (mask, read, zero) => `select(${zero}, ${read}, ${mask})`,
  barrier: "workgroupBarrier();",
  variables: {},
};

/**
 * A kernel as a module with the entry point `main`; its buffers are the bindings of group 0, in order. Those that are weights are for
 * reading only; other memory is one buffer, of which a device takes no range for reading beside one for writing.
 */
export function printWgsl(kernel: ThreadKernel, weights: ReadonlySet<Buffer> = new Set()): string {
  const units = unitsOf(kernel);
  // Halves are kept as words of two, which every device reads: see halves-as-words.ts.
  const arrayOf = ({ storage, length }: Buffer, unit: Lanes): { element: string; count: number } =>
    storage === "f16"
      ? { element: vectorOf("u32", unit), count: length / 2 / unit }
      : { element: vectorOf(storage, unit), count: length / unit };
  const unitOf = (buffer: Buffer): Lanes => units.get(buffer) ?? 1;
  return [
    ...kernel.buffers.map((b, i) => {
      const access = weights.has(b) && !kernel.writes.has(b) ? "read" : "read_write";
      return `@group(0) @binding(${i}) var<storage, ${access}> ${b.name}: array<${arrayOf(b, unitOf(b)).element}>;`;
    }),
    ...kernel.shared.map((b) => {
      const { element, count } = arrayOf(b, unitOf(b));
      return `var<workgroup> ${b.name}: array<${element}, ${count}>;`;
    }),
    `@compute @workgroup_size(${kernel.workgroup})`,
    "fn main(@builtin(local_invocation_index) thread_index: u32, @builtin(workgroup_id) block_index: vec3<u32>) {",
    "  let thread = i32(thread_index);",
    "  let block = vec3<i32>(block_index);",
    ...printBody(kernel.body, wgsl, units, "  "),
    "}",
    "",
  ].join("\n");
}
