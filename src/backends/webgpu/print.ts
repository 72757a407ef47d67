import type { Buffer, Lanes } from "../kernel/expr.ts";
import { type Spelling, floatText, printBody, unitsOf } from "../kernel/print.ts";
import type { ThreadKernel } from "../kernel/thread.ts";

/** WGSL (https://www.w3.org/TR/WGSL). Every read stays inside of its buffer, so that a masked one may happen. */
const wgsl: Spelling = {
  type: (dtype, lanes) => (lanes === 1 ? dtype : `vec${lanes}<${dtype}>`),
  literal: (value, dtype) => {
    if (dtype === "bool") return value === 0 ? "false" : "true";
    if (dtype === "f16x2") return "0u";
    if (dtype === "i32") return value < 0 ? `(${value})` : String(value);
    return floatText(value);
  },
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
  place: (buffer, at, lanes, unit) => {
    if (lanes === unit) return `${buffer.name}[${at}]`;
    const from = lanes === 1 ? at : `(${at}) * ${lanes}`;
    return `vec${lanes}<${buffer.storage}>(${Array.from({ length: lanes }, (_, i) => `${buffer.name}[${from} + ${i}]`).join(", ")})`;
  },
  read: (place, { buffer, lanes, dtype }) =>
    buffer.storage === "f16" && dtype === "f32" ? `${wgsl.type("f32", lanes)}(${place})` : place,
  write: (value, { buffer, lanes, dtype }) =>
    buffer.storage === "f16" && dtype === "f32" ? `${lanes === 1 ? "f16" : `vec${lanes}<f16>`}(${value})` : value,
  halves: (x) => `pack2x16float(${x})`,
  masked: (mask, read, zero) => `select(${zero}, ${read}, ${mask})`,
  barrier: "workgroupBarrier();",
  variables: {},
};

/** Whether a kernel needs the feature shader-f16. */
export const hasHalves = ({ buffers, shared }: ThreadKernel): boolean =>
  [...buffers, ...shared].some((buffer) => buffer.storage === "f16");

/** A kernel as a module with the entry point `main`; its buffers are the bindings of group 0, in order. */
export function printWgsl(kernel: ThreadKernel): string {
  const units = unitsOf(kernel);
  const arrayOf = (buffer: Buffer): { unit: Lanes; element: string } => {
    const unit = units.get(buffer) ?? 1;
    return { unit, element: unit === 1 ? buffer.storage : `vec${unit}<${buffer.storage}>` };
  };
  return [
    ...(hasHalves(kernel) ? ["enable f16;"] : []),
    ...kernel.buffers.map(
      (b, i) => `@group(0) @binding(${i}) var<storage, read_write> ${b.name}: array<${arrayOf(b).element}>;`,
    ),
    ...kernel.shared.map((b) => {
      const { unit, element } = arrayOf(b);
      return `var<workgroup> ${b.name}: array<${element}, ${b.length / unit}>;`;
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
