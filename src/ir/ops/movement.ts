import type { NdArray } from "../ndarray.ts";

/**
 * Fills `out` in order from x: element (i, j, ...) is at `offset + i step[0] + j step[1] + ...` of x.
 * The whole of transpose, slice and expand.
 */
export function copyStrided(x: NdArray, offset: number, steps: readonly number[], out: NdArray): NdArray {
  const shape = out.shape;
  const inner = shape.at(-1) ?? 1;
  const step = steps.at(-1) ?? 0;
  const index = shape.map(() => 0);
  let from = offset;
  for (let to = 0; to < out.data.length; to += inner) {
    for (let j = 0; j < inner; j++) out.data[to + j] = x.data[from + j * step] as number;
    for (let axis = shape.length - 2; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      const stride = steps[axis] ?? 0;
      if (next < (shape[axis] ?? 1)) {
        index[axis] = next;
        from += stride;
        break;
      }
      index[axis] = 0;
      from -= stride * (next - 1);
    }
  }
  return out;
}
