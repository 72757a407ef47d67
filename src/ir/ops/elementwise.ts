import type { Dim } from "../dim.ts";
import { printShape, sameDim } from "../dim.ts";
import { isFloat } from "../dtype.ts";
import { type NdArray, zeros } from "../ndarray.ts";
import { type AttrSpecs, type AttrsOf, type OpSpec, defineOp, need } from "../op.ts";
import { type TensorType, strides, tensor } from "../type.ts";

/** The shape that NumPy's broadcasting gives; dimensions must be equal for all sizes, or 1. */
export function broadcastShapes(...shapes: readonly (readonly Dim[])[]): Dim[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, i) => {
    let out: Dim = 1;
    for (const shape of shapes) {
      const dim = shape[i - rank + shape.length] ?? 1;
      if (dim === 1 || sameDim(dim, out)) continue;
      need(out === 1, "C2", `shapes ${shapes.map(printShape).join(" and ")} do not broadcast`);
      out = dim;
    }
    return out;
  });
}

/** Element strides of an operand seen through a broadcast shape: 0 along the axes that it repeats. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const own = strides(from);
  const lead = to.length - from.length;
  return to.map((_, i) => (i < lead || from[i - lead] === 1 ? 0 : (own[i - lead] ?? 0)));
}

type Fn = (a: number, b: number, c: number) => number;

/** Applies `fn` to up to three broadcast operands. */
export function mapBroadcast(
  operands: readonly NdArray[],
  result: NdArray & { readonly data: Float64Array },
  fn: Fn,
): NdArray {
  const { shape, data } = result;
  const [a, b = a, c = a] = operands;
  if (a === undefined || b === undefined || c === undefined) return result;
  const merged = mergeAxes(
    shape,
    [a, b, c].map((x) => broadcastStrides(x.shape, shape)),
  );
  const inner = merged.shape.at(-1) ?? 1;
  const outer = merged.shape.slice(0, -1);
  const { steps } = merged;
  const [sa = 0, sb = 0, sc = 0] = steps.map((s) => s.at(-1) ?? 0);
  const [x, y, z] = [a.data, b.data, c.data];
  const index = outer.map(() => 0);
  const base = [0, 0, 0];
  for (let at = 0; at < data.length; at += inner) {
    const [i, j, k] = base as [number, number, number];
    for (let n = 0; n < inner; n++)
      data[at + n] = fn(x[i + n * sa] as number, y[j + n * sb] as number, z[k + n * sc] as number);
    advance(index, outer, steps, base);
  }
  return result;
}

/** Neighbouring axes that every operand walks as if they were one become one: inner loops get long. */
function mergeAxes(
  shape: readonly number[],
  steps: readonly (readonly number[])[],
): { readonly shape: readonly number[]; readonly steps: readonly number[][] } {
  const out: number[] = [];
  const kept: number[][] = steps.map(() => []);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis] ?? 1;
    if (extent === 1) continue;
    const joins = out[0] !== undefined && steps.every((s, i) => s[axis] === (kept[i]?.[0] ?? 0) * (out[0] ?? 1));
    if (joins) out[0] = (out[0] ?? 1) * extent;
    else {
      out.unshift(extent);
      steps.forEach((s, i) => kept[i]?.unshift(s[axis] ?? 0));
    }
  }
  return { shape: out, steps: kept };
}

/** Moves an odometer over `shape` one step, and the flat positions of all operands with it. */
function advance(index: number[], shape: readonly number[], steps: readonly number[][], base: number[]): void {
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const i = (index[axis] ?? 0) + 1;
    const wraps = i >= (shape[axis] ?? 1);
    index[axis] = wraps ? 0 : i;
    for (let t = 0; t < steps.length; t++) base[t] = (base[t] ?? 0) + (steps[t]?.[axis] ?? 0) * (wraps ? 1 - i : 1);
    if (!wraps) return;
  }
}

/** The common dtype of the operands that are there. */
export function commonDType(types: readonly (TensorType | undefined)[], label = "C1"): TensorType["dtype"] {
  const dtypes = types.flatMap((t) => (t === undefined ? [] : [t.dtype]));
  const [dtype = "f32"] = dtypes;
  need(
    dtypes.every((d) => d === dtype),
    label,
    `element types differ: ${dtypes.join(", ")}`,
  );
  return dtype;
}

/** An op of one operand that treats each element alone. */
export const unary = <const Name extends string, A extends AttrSpecs = Record<never, never>>(
  name: Name,
  doc: string,
  fn: (x: number, a: AttrsOf<A>) => number,
  attrs?: A,
): OpSpec<Name, readonly ["x"], A> =>
  defineOp({
    name,
    doc,
    operands: ["x"],
    attrs: attrs ?? ({} as A),
    infer: ({ x }) => x,
    evaluate: ({ x }, a, result) => mapBroadcast([x], zeros(result.dtype, result.shape), (v) => fn(v, a)),
  });

/** A broadcasting op of two operands of one element type. C1: equal element types. C2: shapes broadcast. */
export const binary = <const Name extends string>(
  name: Name,
  doc: string,
  fn: (x: number, y: number) => number,
  options: { readonly predicate?: boolean; readonly only?: "floats" | "integers" } = {},
): OpSpec<Name, readonly ["x", "y"], Record<never, never>> => {
  const { only } = options;
  const numbers = only === undefined ? "" : ` C3: of ${only}.`;
  return defineOp({
    name,
    doc: `${doc} C1: equal element types. C2: shapes broadcast.${numbers}`,
    operands: ["x", "y"],
    attrs: {},
    infer: ({ x, y }) => {
      const dtype = commonDType([x, y]);
      need(only === undefined || isFloat(dtype) === (only === "floats"), "C3", `${name} is of ${only}, not ${dtype}`);
      return tensor(options.predicate ? "bool" : dtype, broadcastShapes(x.shape, y.shape));
    },
    evaluate: ({ x, y }, _, result) => mapBroadcast([x, y], zeros(result.dtype, result.shape), fn),
  });
};
