import { WebGpuError } from "./error.ts";

/** What the runtime does, as data: plan.json. Offsets and sizes are in bytes. */
export interface Plan {
  /** Bytes of the weight file, and of the memory that all other tensors share. */
  readonly weights: number;
  readonly arena: number;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly steps: readonly Step[];
}

/**
 * A tensor as the runtime gives and takes it: row-major elements of `shape`, at `offset` of the arena in the order of `order`.
 * On the device every element is an f32; `dtype` is what the caller sees.
 */
export interface Tensor {
  readonly name: string;
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly order: readonly number[];
  readonly offset: number;
}

export const elementTypes = ["f32", "i32", "u8", "i8", "bool"] as const;
export type ElementType = (typeof elementTypes)[number];

export interface Step {
  /** The module path, for profiles. */
  readonly name: string;
  /** Which of the shaders. */
  readonly shader: number;
  readonly grid: readonly [number, number, number];
  /** In the order of the shader's bindings: [0 of the weights or 1 of the arena, offset, size]. */
  readonly bindings: readonly (readonly [0 | 1, number, number])[];
}

export const bytesOf = ({ shape }: Tensor): number => shape.reduce((n, d) => n * d, 4);

/** More than any device has; sums below stay exact. */
const maxBytes = 2 ** 40;

type Json = Readonly<Record<string, unknown>>;

/**
 * A plan that was read from outside: of every number it is known that nothing leaves its buffer. Throws WebGpuError
 * `artifact` with the field.
 */
export function checkPlan(value: unknown, shaders: readonly string[]): Plan {
  const plan = object("the plan", value);
  const memory = [multiple("weights", plan["weights"], 4), multiple("arena", plan["arena"], 4)] as const;
  const within = (field: string, which: 0 | 1, from: number, bytes: number): void =>
    refuseUnless(from + bytes <= memory[which], `${field}: it ends behind the ${which === 0 ? "weights" : "arena"}`);
  for (const field of ["inputs", "outputs"] as const) {
    const names = new Set<unknown>();
    list(field, plan[field]).forEach((entry, i) => {
      const at = `${field}[${i}]`;
      const { name, dtype, shape, order, offset } = object(at, entry);
      refuseUnless(typeof name === "string" && elementTypes.some((t) => t === dtype), at);
      refuseUnless(!names.has(name), `${at}.name: another has it`);
      names.add(name);
      const extents = list(at, shape).map((d) => integer(at, d, 1, maxBytes));
      const axes = list(at, order).map((axis) => integer(at, axis, 0, extents.length - 1));
      refuseUnless(new Set(axes).size === extents.length && axes.length === extents.length, `${at}.order`);
      within(
        at,
        1,
        multiple(at, offset, 4),
        size(
          at,
          extents.reduce((n, d) => n * d, 4),
        ),
      );
    });
  }
  const kinds = new Map<unknown, string>();
  list("steps", plan["steps"]).forEach((entry, i) => {
    const at = `steps[${i}]`;
    const { name, shader, grid, bindings } = object(at, entry);
    refuseUnless(typeof name === "string", at);
    integer(`${at}.shader`, shader, 0, shaders.length - 1);
    const counts = list(at, grid).map((n) => integer(`${at}.grid`, n, 1, 65_535));
    refuseUnless(counts.length === 3, `${at}.grid`);
    const memories = list(at, bindings).map((binding) => {
      const [which, offset, bytes, ...more] = list(at, binding);
      refuseUnless((which === 0 || which === 1) && more.length === 0, `${at}.bindings`);
      within(at, which as 0 | 1, multiple(at, offset, 256), multiple(at, bytes, 4));
      return which;
    });
    // A shader says of each of its bindings whether it is one of weights.
    const kind = memories.join();
    refuseUnless((kinds.get(shader) ?? kind) === kind, `${at}.bindings: other steps of the shader have others`);
    kinds.set(shader, kind);
  });
  return value as Plan;
}

function refuseUnless(holds: boolean, field: string): void {
  if (!holds) throw new WebGpuError("artifact", `plan.json is wrong at ${field}`);
}

function object(field: string, value: unknown): Json {
  refuseUnless(typeof value === "object" && value !== null, field);
  return value as Json;
}

function list(field: string, value: unknown): readonly unknown[] {
  refuseUnless(Array.isArray(value), field);
  return value as readonly unknown[];
}

function integer(field: string, value: unknown, least: number, most: number): number {
  refuseUnless(Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most, field);
  return Number(value);
}

const size = (field: string, value: unknown): number => integer(field, value, 0, maxBytes);

function multiple(field: string, value: unknown, of: number): number {
  const n = size(field, value);
  refuseUnless(n % of === 0, field);
  return n;
}
