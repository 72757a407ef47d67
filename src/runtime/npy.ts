import { bytesOf, viewAs } from "../ir/bytes.ts";
import { type DType, byteSize } from "../ir/dtype.ts";
import { TimmcError } from "../ir/error.ts";
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

const MAGIC = "\u0093NUMPY";
/** NumPy's own bound on headers that it trusts. */
const MAX_HEADER = 10_000;

/** Far above any input tensor of a model. */
const maxFileBytes = 2 ** 31;

/** Reads a .npy file of version 1 or 2, little-endian, C order. Throws TimmcError: `io`, or `usage` with the broken rule. */
export const readNpy = (path: string): NpyArray => parseNpy(readBounded(path, maxFileBytes), path);

/** The array in the bytes of a .npy file; `place` names them in errors. */
export function parseNpy(bytes: Uint8Array, place: string): NpyArray {
  const refuse: Refuse = (rule, hint = "Write the file with numpy.save.") => {
    throw new TimmcError("usage", rule, { trail: [place], hint });
  };
  const latin1 = (from: number, to: number): string => Buffer.from(bytes.subarray(from, to)).toString("latin1");
  if (latin1(0, 6) !== MAGIC) refuse("not a .npy file: the first bytes are not \\x93NUMPY");
  const [major] = bytes.subarray(6, 7);
  if (major !== 1 && major !== 2) refuse(`.npy version ${major ?? "missing"} is not read; versions 1 and 2 are`);
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) refuse("the file ends within the header length");
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = major === 1 ? header.getUint16(8, true) : header.getUint32(8, true);
  if (length > MAX_HEADER) refuse(`the header claims ${length} bytes; at most ${MAX_HEADER} are read`);
  if (start + length > bytes.length) refuse(`the header claims ${length} bytes and the file ends before`);
  const { dtype, shape } = parseHeader(latin1(start, start + length), refuse);
  return withData(dtype, shape, bytes.subarray(start + length), refuse);
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
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const fields = `{'descr': '${descriptors[dtype]}', 'fortran_order': False, 'shape': (${dims}), }`;
  const padding = 63 - ((10 + fields.length) % 64);
  const header = Buffer.from(`${MAGIC}\u0001\u0000\u0000\u0000${fields}${" ".repeat(padding)}\n`, "latin1");
  header.writeUInt16LE(header.length - 10, 8);
  return Buffer.concat([header, bytesOf(array.data)]);
}

type Refuse = (rule: string, hint?: string) => never;

/** One field of the Python dict literal, with the comma or brace that ends it. */
const FIELD = /\s*(?:'(\w+)'|"(\w+)")\s*:\s*('[^']*'|"[^"]*"|True|False|\([\d, ]*\))\s*(,\s*\}|,|\})/y;

function parseHeader(text: string, refuse: Refuse): { dtype: NpyDType; shape: number[] } {
  const fields = new Map<string, string>();
  FIELD.lastIndex = text.indexOf("{") + 1;
  if (!text.trimStart().startsWith("{")) refuse("the header is not a dict");
  for (let last = false; !last;) {
    const [, single, double, value = "", end = ""] =
      FIELD.exec(text) ?? refuse("the header is not a dict of descr, fortran_order and shape");
    const name = single ?? double ?? "";
    if (fields.has(name)) refuse(`the header has "${name}" twice`);
    fields.set(name, value);
    last = end.endsWith("}");
  }
  const end = FIELD.lastIndex;
  if (text.slice(end).trim() !== "" || fields.size !== 3)
    refuse("the header holds more than descr, fortran_order and shape");
  const order = fields.get("fortran_order");
  if (order !== "False") refuse("the array is in Fortran order", "Save numpy.ascontiguousarray(x).");
  return { dtype: parseDescriptor(fields.get("descr"), refuse), shape: parseShape(fields.get("shape"), refuse) };
}

function parseDescriptor(quoted: string | undefined, refuse: Refuse): NpyDType {
  const text = quoted?.slice(1, -1) ?? "";
  return (
    dtypes.find((dtype) => descriptors[dtype] === text) ??
    refuse(
      `elements of type "${text}" are not read`,
      `Save one of ${Object.values(descriptors).join(" ")}, such as x.astype("<f4").`,
    )
  );
}

const dtypes = ["f64", "f32", "f16", "i64", "i32", "u8", "i8", "bool"] as const;

function parseShape(text: string | undefined, refuse: Refuse): number[] {
  if (text === undefined || !/^\( *(?:|\d+ *,|\d+(?: *, *\d+)+ *,?) *\)$/.test(text)) {
    return refuse(`the shape ${text ?? "is missing"} is not a tuple of sizes`);
  }
  return (text.match(/\d+/g) ?? []).map(Number);
}

function withData(dtype: NpyDType, shape: number[], bytes: Uint8Array, refuse: Refuse): NpyArray {
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
