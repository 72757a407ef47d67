import type { Buffer } from "../kernel/expr.ts";
import { type Spelling, printBody, unitsOf } from "../kernel/print.ts";
import type { ThreadKernel } from "../kernel/thread.ts";

const numbers = { f32: "float", i32: "int", bool: "bool", f16x2: "unsigned" } as const;

/** CUDA C++ with the vectors of `cudaPrelude`. */
const cuda: Spelling = {
  type: (dtype, lanes) => (lanes === 1 ? numbers[dtype] : `Vec<${numbers[dtype]}, ${lanes}>`),
  literal: (value, dtype) => {
    if (dtype === "bool") return value === 0 ? "false" : "true";
    if (dtype === "f16x2") return "0u";
    if (dtype === "i32") return value < 0 ? `(${value})` : String(value);
    const text = `${value}${/[.e]/.test(String(value)) ? "" : ".0"}f`;
    return value < 0 ? `(${text})` : text;
  },
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
    const number = dtype === "f16x2" ? "unsigned" : element(buffer);
    if (lanes === 1 && dtype !== "f16x2") return `${buffer.name}[${at}]`;
    return `reinterpret_cast<${lanes === 1 ? number : `Vec<${number}, ${lanes}>`}*>(${buffer.name})[${at}]`;
  },
  read: (place, { buffer, dtype }) => (buffer.storage === "f16" && dtype === "f32" ? `widen(${place})` : place),
  write: (value, { buffer, dtype }) => (buffer.storage === "f16" && dtype === "f32" ? `narrow(${value})` : value),
  copy: (to, from, bytes, mask) => `copy_behind<${bytes}>(&${to}, &${from}, ${mask ?? "true"});`,
  commit: "copy_commit();",
  wait: (pending) => `copy_wait<${pending}>();`,
  mma: (d, a, b) => `mma_m16n8k16(${[...d, ...a, ...b].join(", ")});`,
  halves: (x) => `halves(${x})`,
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

const element = (buffer: Buffer): string =>
  buffer.storage === "i32" ? "int" : buffer.storage === "f16" ? "__half" : "float";

/** A kernel as a __global__ function of its name, which takes its buffers in order. */
export function printCuda(kernel: ThreadKernel, name: string): string {
  const parameters = kernel.buffers.map((b) => `${element(b)}* ${b.name}`).join(", ");
  return [
    `__global__ void __launch_bounds__(${kernel.workgroup}) ${name}(${parameters}) {`,
    ...kernel.shared.map((b) => `  __shared__ alignas(16) ${element(b)} ${b.name}[${b.length}];`),
    ...printBody(kernel.body, cuda, unitsOf(kernel), "  "),
    "}",
    "",
  ].join("\n");
}

const functions = [
  "abs:fabsf",
  "exp:expf",
  "log:logf",
  "sqrt:sqrtf",
  "rsqrt:rsqrtf",
  "sin:sinf",
  "cos:cosf",
  "tanh:tanhf",
  "erf:erff",
  "floor:floorf",
];
const pairs = ["min:fminf", "max:fmaxf", "pow:powf"];

/** Vectors of two and four numbers, with arithmetic by element; what every kernel's text stands behind. */
export const cudaPrelude = `template <typename T, int N> struct alignas(sizeof(T) * N) Vec;
template <typename T> struct alignas(sizeof(T) * 2) Vec<T, 2> {
  T x, y;
  Vec() = default;
  __device__ Vec(T s) : x(s), y(s) {}
  __device__ Vec(T a, T b) : x(a), y(b) {}
};
template <typename T> struct alignas(sizeof(T) * 4) Vec<T, 4> {
  T x, y, z, w;
  Vec() = default;
  __device__ Vec(T s) : x(s), y(s), z(s), w(s) {}
  __device__ Vec(T a, T b, T c, T d) : x(a), y(b), z(c), w(d) {}
};
${["+", "-", "*", "/"].map((o) => operator(o, "T")).join("")}${["<", "<=", "=="].map((o) => operator(o, "bool")).join("")}template <typename T> __device__ inline Vec<T, 2>& operator+=(Vec<T, 2>& a, Vec<T, 2> b) { return a = a + b; }
template <typename T> __device__ inline Vec<T, 4>& operator+=(Vec<T, 4>& a, Vec<T, 4> b) { return a = a + b; }
template <typename T> __device__ inline Vec<T, 2> operator-(Vec<T, 2> a) { return {-a.x, -a.y}; }
template <typename T> __device__ inline Vec<T, 4> operator-(Vec<T, 4> a) { return {-a.x, -a.y, -a.z, -a.w}; }
template <typename T> __device__ inline Vec<T, 2> vselect(Vec<bool, 2> c, Vec<T, 2> a, Vec<T, 2> b) { return {c.x ? a.x : b.x, c.y ? a.y : b.y}; }
template <typename T> __device__ inline Vec<T, 4> vselect(Vec<bool, 4> c, Vec<T, 4> a, Vec<T, 4> b) { return {c.x ? a.x : b.x, c.y ? a.y : b.y, c.z ? a.z : b.z, c.w ? a.w : b.w}; }
${functions.map(mapped).join("")}${pairs.map(paired).join("")}__device__ inline int vmin(int a, int b) { return a < b ? a : b; }
__device__ inline int vmax(int a, int b) { return a > b ? a : b; }
`;

function operator(sign: string, result: string): string {
  return `template <typename T> __device__ inline Vec<${result}, 2> operator${sign}(Vec<T, 2> a, Vec<T, 2> b) { return {a.x ${sign} b.x, a.y ${sign} b.y}; }
template <typename T> __device__ inline Vec<${result}, 4> operator${sign}(Vec<T, 4> a, Vec<T, 4> b) { return {a.x ${sign} b.x, a.y ${sign} b.y, a.z ${sign} b.z, a.w ${sign} b.w}; }
`;
}

function mapped(entry: string): string {
  const [name = "", f = ""] = entry.split(":");
  return `__device__ inline float v${name}(float a) { return ${f}(a); }
__device__ inline Vec<float, 2> v${name}(Vec<float, 2> a) { return {${f}(a.x), ${f}(a.y)}; }
__device__ inline Vec<float, 4> v${name}(Vec<float, 4> a) { return {${f}(a.x), ${f}(a.y), ${f}(a.z), ${f}(a.w)}; }
`;
}

function paired(entry: string): string {
  const [name = "", f = ""] = entry.split(":");
  return `__device__ inline float v${name}(float a, float b) { return ${f}(a, b); }
__device__ inline Vec<float, 2> v${name}(Vec<float, 2> a, Vec<float, 2> b) { return {${f}(a.x, b.x), ${f}(a.y, b.y)}; }
__device__ inline Vec<float, 4> v${name}(Vec<float, 4> a, Vec<float, 4> b) { return {${f}(a.x, b.x), ${f}(a.y, b.y), ${f}(a.z, b.z), ${f}(a.w, b.w)}; }
`;
}
