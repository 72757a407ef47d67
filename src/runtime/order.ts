type Elements = Float32Array | Float64Array;

/** Row-major elements as they lie on the device: the axes of `order` from the outermost to the innermost. */
export const ordered = <T extends Elements>(data: T, shape: readonly number[], order: readonly number[]): T =>
  order.every((axis, i) => axis === i) ? data : permute(data, shape, order);

/** The way back. */
export function unordered<T extends Elements>(data: T, shape: readonly number[], order: readonly number[]): T {
  if (order.every((axis, i) => axis === i)) return data.slice() as T;
  const back = shape.map((_, axis) => order.indexOf(axis));
  return permute(
    data,
    order.map((axis) => shape[axis] ?? 1),
    back,
  );
}

function permute<T extends Elements>(data: T, shape: readonly number[], order: readonly number[]): T {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const extents = order.map((axis) => shape[axis] ?? 1);
  const steps = order.map((axis) => strides[axis] ?? 1);
  const out = data.slice() as T;
  const index = extents.map(() => 0);
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = data[from] ?? 0;
    for (let axis = extents.length - 1; axis >= 0; axis--) {
      from += steps[axis] ?? 0;
      index[axis] = (index[axis] ?? 0) + 1;
      if ((index[axis] ?? 0) < (extents[axis] ?? 1)) break;
      from -= (steps[axis] ?? 0) * (extents[axis] ?? 1);
      index[axis] = 0;
    }
  }
  return out;
}
