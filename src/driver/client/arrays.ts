import { TimmcError } from "../../ir/error.ts";
import type { DType } from "../../ir/dtype.ts";

interface ArrayOfType {
  /** ONNX Runtime's name of the element type. */
  readonly type: string;
  /** The array that holds such elements. */
  readonly array: string;
}

/** Element types in JavaScript. Halves travel as their codes: not every engine has Float16Array. */
const arrays: { readonly [D in Exclude<DType, "bf16" | "i4">]: ArrayOfType } = {
  f64: { type: "float64", array: "Float64Array" },
  f32: { type: "float32", array: "Float32Array" },
  f16: { type: "float16", array: "Uint16Array" },
  i64: { type: "int64", array: "BigInt64Array" },
  i32: { type: "int32", array: "Int32Array" },
  u8: { type: "uint8", array: "Uint8Array" },
  i8: { type: "int8", array: "Int8Array" },
  bool: { type: "bool", array: "Uint8Array" },
};

/** The array of an element type of inputs and outputs. Throws `invalid-ir` for those that occur in weights alone. */
export function arrayOf(dtype: DType): ArrayOfType {
  if (dtype === "bf16" || dtype === "i4")
    throw new TimmcError("invalid-ir", `${dtype} is no element type of inputs and outputs`);
  return arrays[dtype];
}
