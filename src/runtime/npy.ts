import { bytesOf, viewAs } from "../ir/bytes.ts";
import { type DType, byteSize } from "../ir/dtype.ts";
import { TimmcError } from "../ir/error.ts";
import { formatNpyHeader, parseNpyHeader } from "../ir/npy-header.ts";
import { count } from "../ir/type.ts";
import { readBounded } from "./read-file.ts";

/** The array that holds each element type; float16 as its codes, bool as 0 and 1. */
interface Carriers {
  f64: Float64Array;
  f32: Float32Array;
  f16: Uint16Array;
  i64: BigInt64Array;
  i32: Int32Array;
  u8: Uint8Array;
  i8: Int8Array;
  bool: Uint8Array;
}

type NpyDType = keyof Carriers & DType;

/** A row-major array of a .npy file. */
export type NpyArray = {
  [D in NpyDType]: { readonly dtype: D; readonly shape: readonly number[]; readonly data: Carriers[D] };
}[NpyDType];

const descriptors: { readonly [D in NpyDType]: string } = {
  f64: "<f8",
  f32: "<f4",
  f16: "<f2",
  i64: "<i8",
  i32: "<i4",
  u8: "|u1",
  i8: "|i1",
  bool: "|b1",
};

/** Far above any input tensor of a model. */
const maxFileBytes = 2 ** 31;

/** Reads a .npy file of version 1 or 2, little-endian, C order. Throws TimmcError: `io`, or `usage` with the broken rule. */
export const readNpy = (path: string): NpyArray => parseNpy(readBounded(path, maxFileBytes), path);

/** The array in the bytes of a .npy file; `place` names them in errors. */
export function parseNpy(bytes: Uint8Array, place: string): NpyArray {
  const refuse: Refuse = (rule, hint = "Write the file with numpy.save.") => {
    throw new TimmcError("usage", rule, { trail: [place], hint });
  };
  const { descriptor, fortranOrder, shape, dataStart } = parseNpyHeader(bytes, refuse);
  if (fortranOrder) refuse("the array is in Fortran order", "Save numpy.ascontiguousarray(x).");
  return withData(dtypeOf(descriptor, refuse), shape, bytes.subarray(dataStart), refuse);
}

/** The bytes of a .npy file; the data begin at a multiple of 64. */
export function formatNpy(array: NpyArray): Uint8Array {
  const { dtype, shape } = array;
  if (count(shape) !== array.data.length) {
    throw new TimmcError(
      "usage",
      `shape (${shape.join(", ")}) needs ${count(shape)} elements, not ${array.data.length}`,
    );
  }
  return Buffer.concat([formatNpyHeader(descriptors[dtype], shape), bytesOf(array.data)]);
}

type Refuse = (rule: string, hint?: string) => never;

const dtypeOf = (descriptor: string | undefined, refuse: Refuse): NpyDType =>
  dtypes.find((dtype) => descriptors[dtype] === descriptor) ??
  refuse(
    descriptor === undefined ? "records are not read" : `elements of type "${descriptor}" are not read`,
    `Save one of ${Object.values(descriptors).join(" ")}, such as x.astype("<f4").`,
  );

const dtypes = ["f64", "f32", "f16", "i64", "i32", "u8", "i8", "bool"] as const;

function withData(dtype: NpyDType, shape: readonly number[], bytes: Uint8Array, refuse: Refuse): NpyArray {
  const needed = shape.reduce((n, dim) => n * dim, byteSize(dtype));
  if (!shape.every(Number.isSafeInteger) || needed !== bytes.length) {
    refuse(`shape (${shape.join(", ")}) of ${dtype} needs ${needed} bytes of data, the file has ${bytes.length}`);
  }
  switch (dtype) {
    case "f64":
      return { dtype, shape, data: viewAs(bytes, Float64Array) };
    case "f32":
      return { dtype, shape, data: viewAs(bytes, Float32Array) };
    case "f16":
      return { dtype, shape, data: viewAs(bytes, Uint16Array) };
    case "i64":
      return { dtype, shape, data: viewAs(bytes, BigInt64Array) };
    case "i32":
      return { dtype, shape, data: viewAs(bytes, Int32Array) };
    case "u8":
    case "bool":
      return { dtype, shape, data: viewAs(bytes, Uint8Array) };
    case "i8":
      return { dtype, shape, data: viewAs(bytes, Int8Array) };
    default:
      return dtype satisfies never;
  }
}
