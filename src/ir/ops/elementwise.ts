import type { Dim } from "../dim.ts";
import { printShape, sameDim } from "../dim.ts";
import { type NdArray, zeros } from "../ndarray.ts";
import { type AttrSpecs, type AttrsOf, type OpSpec, type Trait, defineOp, need } from "../op.ts";
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
  const inner = shape.at(-1) ?? 1;
  const outer = shape.slice(0, -1);
  const steps = [a, b, c].map((x) => broadcastStrides(x.shape, shape));
  const [sa, sb, sc] = steps.map((s) => s.at(-1) ?? 0);
  const index = outer.map(() => 0);
  const base = [0, 0, 0];
  for (let at = 0; at < data.length; at += inner) {
    let [i, j, k] = base as [number, number, number];
    for (let n = 0; n < inner; n++) {
      data[at + n] = fn(a.data[i] as number, b.data[j] as number, c.data[k] as number);
      i += sa ?? 0;
      j += sb ?? 0;
      k += sc ?? 0;
    }
    advance(index, outer, steps, base);
  }
  return result;
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

/** The common dtype of the operands (C1). */
export function commonDType(types: readonly TensorType[]): TensorType["dtype"] {
  const dtype = types[0]?.dtype ?? "f32";
  need(
    types.every((t) => t.dtype === dtype),
    "C1",
    `element types differ: ${types.map((t) => t.dtype).join(", ")}`,
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
    traits: ["elementwise"],
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
  options: { readonly commutative?: boolean; readonly predicate?: boolean } = {},
): OpSpec<Name, readonly ["x", "y"], Record<never, never>> => {
  const traits: Trait[] = options.commutative ? ["elementwise", "commutative"] : ["elementwise"];
  return defineOp({
    name,
    doc: `${doc} C1: equal element types. C2: shapes broadcast.`,
    traits,
    operands: ["x", "y"],
    attrs: {},
    infer: ({ x, y }) =>
      tensor(
        options.predicate ? (commonDType([x, y]), "bool") : commonDType([x, y]),
        broadcastShapes(x.shape, y.shape),
      ),
    evaluate: ({ x, y }, _, result) => mapBroadcast([x, y], zeros(result.dtype, result.shape), fn),
  });
};
