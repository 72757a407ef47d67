import { ordered, unordered } from "../order.ts";
import { WebGpuError } from "./error.ts";
import type { ElementType, Tensor } from "./plan.ts";

export type Data = Float32Array | Int32Array | Uint8Array | Int8Array;

/** A tensor in row-major order. Truth values are bytes of 0 and 1. */
export interface Values {
  readonly dims: readonly number[];
  readonly data: Data;
}

const arrays: { readonly [T in ElementType]: { from(numbers: ArrayLike<number>): Data; readonly name: string } } = {
  f32: Float32Array,
  i32: Int32Array,
  u8: Uint8Array,
  i8: Int8Array,
  bool: Uint8Array,
};

/** The input's elements as the device holds them. Throws WebGpuError `input` for another type or shape. */
export function encodeInput({ dtype, shape, order }: Tensor, { dims, data }: Values): Float32Array {
  const length = shape.reduce((n, d) => n * d, 1);
  const fits = dims.length === shape.length && shape.every((d, axis) => dims[axis] === d);
  if (!fits || data.length !== length || data.constructor.name !== arrays[dtype].name)
    throw new WebGpuError(
      "input",
      `the input is ${data.constructor.name}[${dims.join(",")}] of ${data.length} elements; ` +
        `the model takes ${arrays[dtype].name}[${shape.join(",")}]`,
    );
  return ordered(data instanceof Float32Array ? data : Float32Array.from(data), shape, order);
}

/** An output as the caller sees it; a copy. */
export function decodeOutput({ dtype, shape, order }: Tensor, stored: Float32Array): Values {
  const values = unordered(stored, shape, order);
  return { dims: shape, data: dtype === "f32" ? values : arrays[dtype].from(values) };
}
