import type { DType } from "./dtype.ts";
import { count } from "./type.ts";

/**
 * A dense row-major array, the value of the reference semantics. Numbers are held in float64 whatever the dtype says, so
 * every `evaluate` is exact up to float64 and results are rounded once, when they are written. A loaded float32
 * parameter may stay in a Float32Array: ops that only move data keep the carrier.
 */
export interface NdArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float64Array | Float32Array;
}

export const ndarray = (dtype: DType, shape: readonly number[], data: Float64Array | Float32Array): NdArray => ({
  dtype,
  shape,
  data,
});

export const zeros = (dtype: DType, shape: readonly number[]): NdArray & { readonly data: Float64Array } => ({
  dtype,
  shape,
  data: new Float64Array(count(shape)),
});

/** An array of the same carrier, for ops that only move data. */
export function emptyLike(x: NdArray, shape: readonly number[]): NdArray {
  const n = count(shape);
  return { dtype: x.dtype, shape, data: x.data instanceof Float32Array ? new Float32Array(n) : new Float64Array(n) };
}

/** The element at a flat index; reading outside the array is a defect of the caller and gives NaN. */
export const at = (x: NdArray, index: number): number => x.data[index] ?? Number.NaN;
