import { type Dim, isStatic, mulDim, printShape, sameShape, substituteDim } from "./dim.ts";
import { type DType, byteSize } from "./dtype.ts";

export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

/** A type without symbols: what data has. */
export interface StaticType extends TensorType {
  readonly shape: readonly number[];
}

export const tensor = (dtype: DType, shape: readonly Dim[]): TensorType => ({ dtype, shape });

export const isStaticType = (type: TensorType): type is StaticType => type.shape.every(isStatic);

export const sameType = (a: TensorType, b: TensorType): boolean => a.dtype === b.dtype && sameShape(a.shape, b.shape);

/** `f32[N,64,112,112]` */
export const printType = (type: TensorType): string => type.dtype + printShape(type.shape);

/** Elements of a shape; a scalar has one. */
export const elements = (shape: readonly Dim[]): Dim => mulDim(...shape);

export const count = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

export const byteLength = (type: StaticType): number => Math.ceil(count(type.shape) * byteSize(type.dtype));

export const substituteType = (type: TensorType, bindings: Readonly<Record<string, Dim>>): TensorType =>
  tensor(
    type.dtype,
    type.shape.map((d) => substituteDim(d, bindings)),
  );

/** Row-major strides in elements. */
export function strides(shape: readonly number[]): number[] {
  const out: number[] = Array.from({ length: shape.length }, () => 1);
  for (let i = shape.length - 2; i >= 0; i--) out[i] = (out[i + 1] ?? 1) * (shape[i + 1] ?? 1);
  return out;
}
