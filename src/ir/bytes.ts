import type { DType } from "./dtype.ts";
import { narrow, widen } from "./float.ts";

/** The narrowest float carrier that holds every value of the type; int64 beyond 2^53 is rounded. */
export type Numbers = Float32Array | Float64Array;

type ViewOf<T> = {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
};

/** Little-endian bytes as a typed array, without a copy where they are aligned. A rest shorter than an element is left out. */
export function viewAs<T>(bytes: Uint8Array, view: ViewOf<T>): T {
  const size = view.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new view(aligned.buffer, aligned.byteOffset, Math.floor(aligned.byteLength / size));
}

/** The memory of a typed array as bytes, without a copy. */
export const bytesOf = (view: ArrayBufferView): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/**
 * Elements from their bytes, of i4 an even number. Where type and carrier agree the result shares the memory of `bytes`.
 */
export function decodeNumbers(dtype: DType, bytes: Uint8Array): Numbers {
  switch (dtype) {
    case "f64":
      return viewAs(bytes, Float64Array);
    case "f32":
      return viewAs(bytes, Float32Array);
    case "f16":
    case "bf16":
      return widen(dtype, viewAs(bytes, Uint16Array));
    case "i64":
      return Float64Array.from(viewAs(bytes, BigInt64Array), Number);
    case "i32":
      return Float64Array.from(viewAs(bytes, Int32Array));
    case "u8":
      return Float32Array.from(bytes);
    case "i8":
      return Float32Array.from(viewAs(bytes, Int8Array));
    case "i4":
      return Float32Array.from({ length: 2 * bytes.length }, (_, i) => nibble((bytes[i >> 1] ?? 0) >> (4 * (i & 1))));
    case "bool":
      return Float32Array.from(bytes, (byte) => (byte === 0 ? 0 : 1));
    default:
      return dtype satisfies never;
  }
}

/**
 * Elements to bytes: floats are rounded once, to nearest even; integers are cut towards zero and wrap, NaN and infinities
 * are 0; for `bool` everything but 0 is true. Where type and carrier agree the result shares the memory of `values`.
 */
export function encodeNumbers(dtype: DType, values: Numbers): Uint8Array {
  switch (dtype) {
    case "f64":
      return bytesOf(values instanceof Float64Array ? values : Float64Array.from(values));
    case "f32":
      return bytesOf(values instanceof Float32Array ? values : Float32Array.from(values));
    case "f16":
    case "bf16":
      return bytesOf(narrow(dtype, values));
    case "i64":
      return bytesOf(BigInt64Array.from(values, (v) => (Number.isFinite(v) ? BigInt(Math.trunc(v)) : 0n)));
    case "i32":
      return bytesOf(Int32Array.from(values));
    case "u8":
      return Uint8Array.from(values);
    case "i8":
      return bytesOf(Int8Array.from(values));
    case "i4":
      return Uint8Array.from(
        { length: Math.ceil(values.length / 2) },
        (_, i) => ((values[2 * i] ?? 0) & 15) | (((values[2 * i + 1] ?? 0) & 15) << 4),
      );
    case "bool":
      return Uint8Array.from(values, (v) => (v === 0 ? 0 : 1));
    default:
      return dtype satisfies never;
  }
}

/** The low four bits as a number from -8 to 7. */
const nibble = (bits: number): number => (bits << 28) >> 28;
