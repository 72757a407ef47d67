import type { DType } from "../../ir/dtype.ts";
import { TimmcError } from "../../ir/error.ts";

/**
 * An ONNX model as plain records: what timmc writes of the format, and nothing else. There are no subgraphs, functions,
 * sparse tensors, strings or 8-bit and 4-bit floats, so no code has to say what it does with them.
 */
export interface OnnxModel {
  /** Version of the file format; `irVersionOf(opset)`. */
  readonly irVersion: number;
  /** Operator sets by domain; "" is the standard one. */
  readonly opsetImports: readonly OpsetImport[];
  readonly producer: { readonly name: string; readonly version: string };
  readonly graphName: string;
  /** In topological order. */
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  /** Types of values between inputs and outputs; a value may be absent. */
  readonly valueInfo: readonly OnnxValueInfo[];
  readonly metadata: readonly (readonly [key: string, value: string])[];
}

interface OpsetImport {
  readonly domain: string;
  readonly version: number;
}

export interface OnnxNode {
  readonly opType: string;
  /** Absent or "" for the standard operator set. */
  readonly domain?: string;
  readonly name: string;
  /** Value names; "" stands for an optional operand that is not given. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** Integers are 64-bit in the format; timmc writes only those that a double holds exactly. Floats are rounded to 32 bits. */
export type OnnxAttribute =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "tensor"; readonly value: OnnxTensor };
export type AttributeKind = OnnxAttribute["kind"];

/** A small constant that travels inside an attribute; `bytes` are little-endian. */
export interface OnnxTensor {
  readonly dtype: OnnxDType;
  readonly dims: readonly number[];
  readonly bytes: Uint8Array;
}

/** An initializer without its bytes, of which there are `tensorByteLength(header)`. */
export interface OnnxTensorHeader {
  readonly name: string;
  readonly dtype: OnnxDType;
  readonly dims: readonly number[];
  /** Where the bytes lie when they are not in the model file: a file beside it, and a position there. */
  readonly external?: { readonly location: string; readonly offset: number };
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly dtype: OnnxDType;
  /** A string is a symbolic dimension. */
  readonly shape: readonly (number | string)[];
}

/** TensorProto.DataType by our names; 4-bit integers are packed two to a byte, the first in the low half. */
const dataTypes = {
  f32: 1,
  u8: 2,
  i8: 3,
  u16: 4,
  i16: 5,
  i32: 6,
  i64: 7,
  bool: 9,
  f16: 10,
  f64: 11,
  u32: 12,
  u64: 13,
  bf16: 16,
  u4: 21,
  i4: 22,
} as const satisfies { readonly [D in DType]: number } & Readonly<Record<string, number>>;
export type OnnxDType = keyof typeof dataTypes;

const bits: { readonly [D in OnnxDType]: number } = {
  f32: 32,
  u8: 8,
  i8: 8,
  u16: 16,
  i16: 16,
  i32: 32,
  i64: 64,
  bool: 8,
  f16: 16,
  f64: 64,
  u32: 32,
  u64: 64,
  bf16: 16,
  u4: 4,
  i4: 4,
};

const isOnnxDType = (name: string): name is OnnxDType => Object.hasOwn(dataTypes, name);
export const onnxDTypes: readonly OnnxDType[] = Object.keys(dataTypes).filter(isOnnxDType);

/** The number that stands for a type in TensorProto.data_type and in attributes such as Cast's `to`. */
export const dataTypeCode = (dtype: OnnxDType): number => dataTypes[dtype];

/** The inverse of `dataTypeCode`; undefined for a type that timmc does not write. */
export const dtypeOfCode = (code: number): OnnxDType | undefined =>
  onnxDTypes.find((dtype) => dataTypes[dtype] === code);

/** Bytes of a tensor's data. Throws `invalid-ir` when a dimension is not a whole number or the size is not exact. */
export function tensorByteLength(tensor: { readonly dtype: OnnxDType; readonly dims: readonly number[] }): number {
  const count = tensor.dims.reduce((product, dim) => product * dim, 1);
  if (!tensor.dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0) || !Number.isSafeInteger(count * 8)) {
    throw new TimmcError("invalid-ir", `a tensor cannot have the dimensions [${tensor.dims.join(",")}]`);
  }
  return Math.ceil((count * bits[tensor.dtype]) / 8);
}

/** The operator sets that timmc writes, each with the file format version of the ONNX release that brought it. */
const irVersions: ReadonlyMap<number, number> = new Map([
  [17, 8],
  [18, 8],
  [19, 9],
  [20, 9],
  [21, 10],
  [22, 10],
  [23, 11],
]);
export const supportedOpsets: readonly number[] = [...irVersions.keys()];

/** The file format version for an operator set. Throws `unsupported` outside of `supportedOpsets`. */
export function irVersionOf(opset: number): number {
  const version = irVersions.get(opset);
  if (version === undefined) {
    throw new TimmcError("unsupported", `ONNX opset ${opset} is not one that timmc writes`, {
      hint: `Use --opset ${supportedOpsets[0]} to ${supportedOpsets.at(-1)}.`,
    });
  }
  return version;
}
