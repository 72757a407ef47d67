import type { Value } from "../../../ir/value.ts";
import { type Index, add, constant, div, mod, scale } from "../index-expr.ts";

export const shapeOf = (value: Value): readonly number[] => value.type.shape as readonly number[];

/** The place of an element in row-major order. */
export function flatten(index: readonly Index[], shape: readonly number[]): Index {
  let step = 1;
  const parts: Index[] = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    parts.push(scale(index[axis] ?? constant(0), step));
    step *= shape[axis] ?? 1;
  }
  return add(...parts);
}

/** The coordinates of a place in row-major order. */
export function unflatten(place: Index, shape: readonly number[]): Index[] {
  const out: Index[] = [];
  let rest = place;
  for (let axis = shape.length - 1; axis > 0; axis--) {
    const extent = shape[axis] ?? 1;
    out.unshift(mod(rest, extent));
    rest = div(rest, extent);
  }
  return shape.length === 0 ? [] : [rest, ...out];
}

/** Coordinates under another shape of the same elements. */
export const reindex = (index: readonly Index[], from: readonly number[], to: readonly number[]): Index[] =>
  unflatten(flatten(index, from), to);

/** Coordinates of an operand that is repeated to a shape by NumPy's rules. */
export const broadcastIndex = (index: readonly Index[], shape: readonly number[]): Index[] =>
  shape.map((extent, axis) =>
    extent === 1 ? constant(0) : (index[index.length - shape.length + axis] ?? constant(0)),
  );
