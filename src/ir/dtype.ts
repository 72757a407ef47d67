/**
 * Element types. `bf16` and the float8 types occur only in weight files: a loaded parameter is always converted. `i4` occurs
 * only in quantised weights, two to a byte, the first in the low half.
 */
export const dtypes = ["f64", "f32", "f16", "bf16", "i64", "i32", "u8", "i8", "i4", "bool"] as const;
export type DType = (typeof dtypes)[number];

const sizes: { readonly [D in DType]: number } = {
  f64: 8,
  f32: 4,
  f16: 2,
  bf16: 2,
  i64: 8,
  i32: 4,
  u8: 1,
  i8: 1,
  i4: 0.5,
  bool: 1,
};

/** Bytes per element; half a one of `i4`. */
export const byteSize = (dtype: DType): number => sizes[dtype];

export const isFloat = (dtype: DType): boolean =>
  dtype === "f64" || dtype === "f32" || dtype === "f16" || dtype === "bf16";
