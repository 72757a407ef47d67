/** Row-major elements as they lie on the device: the axes of `order` from the outermost to the innermost. */
export const ordered = (data: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array =>
  order.every((axis, i) => axis === i) ? data : permute(data, shape, order);

/** The way back. */
export function unordered(data: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  if (order.every((axis, i) => axis === i)) return data.slice();
  const back = shape.map((_, axis) => order.indexOf(axis));
  return permute(
    data,
    order.map((axis) => shape[axis] ?? 1),
    back,
  );
}

function permute(data: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const extents = order.map((axis) => shape[axis] ?? 1);
  const steps = order.map((axis) => strides[axis] ?? 1);
  const out = new Float32Array(data.length);
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
