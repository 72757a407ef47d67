import { type Numbers, bytesOf, decodeNumbers, encodeNumbers, viewAs } from "../../ir/bytes.ts";
import type { DType } from "../../ir/dtype.ts";
import { TimmcError } from "../../ir/error.ts";
import { type RoundedFloat, isRoundedFloat, narrow, widen } from "../../ir/float.ts";
import { type StoredDType, type TensorData, printStored } from "./source.ts";

/**
 * A stored tensor as float32: narrower types exactly, wider ones rounded to nearest even. Throws TimmcError for
 * elements smaller than a byte and for complex numbers.
 */
export function toFloat32(data: TensorData): Float32Array {
  const numbers = toNumbers(data);
  return numbers instanceof Float32Array ? numbers : Float32Array.from(numbers);
}

/**
 * A stored tensor as the bytes of a parameter's own type, as timm copies a checkpoint's values into the model: a
 * float16, bfloat16 or float8 file gives float32 parameters. Equal types keep their bytes.
 */
export const toDType = (data: TensorData, dtype: DType): Uint8Array =>
  data.dtype === dtype ? data.read() : encodeNumbers(dtype, toNumbers(data));

/** Types that computed entries can be stored in. */
export type FloatStored = "f64" | "f32" | RoundedFloat;

export const isFloatStored = (dtype: StoredDType): dtype is FloatStored =>
  dtype === "f64" || dtype === "f32" || isRoundedFloat(dtype);

/** Numbers as stored, rounded once to nearest even. */
export const encodeStored = (dtype: FloatStored, values: Numbers): Uint8Array =>
  dtype === "f64" || dtype === "f32" ? encodeNumbers(dtype, values) : bytesOf(narrow(dtype, values));

/** A stored tensor as numbers, exactly where a float64 holds them. Throws TimmcError as `toFloat32` does. */
export function toNumbers(data: TensorData): Numbers {
  const { dtype } = data;
  switch (dtype) {
    case "f8_e4m3":
    case "f8_e5m2":
    case "f8_e8m0":
    case "f8_e4m3fnuz":
    case "f8_e5m2fnuz":
      return widen(dtype, data.read());
    case "i16":
      return Float32Array.from(viewAs(data.read(), Int16Array));
    case "u16":
      return Float32Array.from(viewAs(data.read(), Uint16Array));
    case "u32":
      return Float64Array.from(viewAs(data.read(), Uint32Array));
    case "u64":
      return Float64Array.from(viewAs(data.read(), BigUint64Array), Number);
    case "i4":
    case "f4":
    case "f6_e2m3":
    case "f6_e3m2":
    case "c64":
    case "c128":
      throw new TimmcError("weights", `a parameter cannot be loaded from ${printStored(data)}`, {
        hint: "Store it as float32, float16, bfloat16 or float8.",
      });
    default:
      return decodeNumbers(dtype, data.read());
  }
}
