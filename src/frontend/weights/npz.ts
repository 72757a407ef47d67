import { basename } from "node:path";
import { constants, inflateRawSync } from "node:zlib";
import { TimmcError } from "../../ir/error.ts";
import { type NpyHeader, hasNpyHeader, npyHeadBytes, parseNpyHeader } from "../../ir/npy-header.ts";
import { type RandomBytes, type Refuse, openBytes, shown } from "./file.ts";
import { materialise } from "./pth/tensors.ts";
import { type StoredDType, type TensorData, type WeightSource, storedBits } from "./source.ts";
import { type Member, readZip } from "./zip.ts";

/**
 * NumPy's archive of arrays, as JAX code bases keep their parameters: a zip of .npy files. Opening reads the headers; an
 * array is read, or inflated, when asked for. Arrays of Python objects are refused, since those are pickles. Throws
 * TimmcError: `io` where the file cannot be read, `weights` where it is damaged.
 */
export function openNpz(path: string): WeightSource {
  const refuse: Refuse = (rule, tensor) => {
    throw new TimmcError("weights", rule, {
      trail: tensor === undefined ? [path] : [path, shown(tensor)],
      hint: "Fetch the file again, or write it anew with numpy.savez.",
    });
  };
  const bytes = openBytes(path, refuse);
  try {
    return sourceOf(basename(path), bytes, refuse);
  } catch (error) {
    bytes.close();
    throw error;
  }
}

function sourceOf(label: string, bytes: RandomBytes & { close(): void }, refuse: Refuse): WeightSource {
  const arrays = new Map<string, TensorData>();
  const skipped: string[] = [];
  for (const [name, member] of readZip(bytes, refuse, "stored or deflated")) {
    const key = name.replace(/\.npy$/, "");
    const array = key === name ? undefined : arrayOf(bytes, member, (rule) => refuse(rule, key));
    if (array === undefined) skipped.push(shown(name));
    else arrays.set(key, array);
  }
  if (arrays.size === 0) refuse("it holds no arrays of numbers");
  return {
    label,
    notices: skipped.length === 0 ? [] : [`${label}: ${skipped.length} members are no numbers, such as ${skipped[0]}`],
    keys: () => arrays.keys(),
    get: (name) => arrays.get(name),
    close: () => bytes.close(),
  };
}

/** An array of numbers; undefined for one of texts, dates or records. */
function arrayOf(bytes: RandomBytes, member: Member, refuse: Refuse): TensorData | undefined {
  const size = member.inflated ?? member.size;
  const header = parseNpyHeader(headOf(bytes, member, refuse), refuse);
  const { shape, dataStart, descriptor } = header;
  if (descriptor === undefined) return undefined;
  if (descriptor.endsWith("O")) refuse("it is an array of Python objects, which timmc does not load: they are code");
  const dtype = stored[descriptor.replace(/^[<>|=]/, "")];
  if (dtype === undefined) return undefined;
  const needed = shape.reduce((n, dim) => n * dim, storedBits[dtype] / 8);
  if (!Number.isSafeInteger(needed) || needed !== size - dataStart)
    refuse(`shape (${shape.join(", ")}) of ${dtype} needs ${needed} bytes, the member has ${size - dataStart}`);
  const strides = stridesOf(header);
  const [rowStride = 0] = strides;
  const elements = (rows: readonly number[], offset: number): Uint8Array =>
    materialise(
      { dtype, shape: rows, strides, offset },
      (begin, length) => part(bytes, member, dataStart + begin, length, refuse),
      descriptor.startsWith(">"),
    );
  return {
    dtype,
    shape,
    read: () => elements(shape, 0),
    readRows: (begin, end) => elements([end - begin, ...shape.slice(1)], begin * rowStride),
  };
}

/** NumPy's names without their byte order. Where ml_dtypes is unknown to NumPy, bfloat16 is two bytes of no kind. */
const stored: { readonly [descriptor: string]: StoredDType | undefined } = {
  f8: "f64",
  f4: "f32",
  f2: "f16",
  V2: "bf16",
  i8: "i64",
  i4: "i32",
  i2: "i16",
  i1: "i8",
  u8: "u64",
  u4: "u32",
  u2: "u16",
  u1: "u8",
  b1: "bool",
  c8: "c64",
  c16: "c128",
};

/** In elements: the last axis fastest, or the first. */
function stridesOf({ shape, fortranOrder }: NpyHeader): number[] {
  const before = (i: number): readonly number[] => (fortranOrder ? shape.slice(0, i) : shape.slice(i + 1));
  return shape.map((_, i) => before(i).reduce((n, d) => n * d, 1));
}

/** Packed bytes that are inflated at a time until the header is there: nearly every header is in the first. */
const headStep = 256;

/**
 * The first bytes of a member, with the whole header if it has one. A step less gave less than a header's bytes, so that
 * no step gives more than those and what deflate makes of `headStep` bytes: a hostile member is not inflated further.
 */
function headOf(bytes: RandomBytes, member: Member, refuse: Refuse): Uint8Array {
  // Deflate adds at most five bytes to every 64 KiB that it cannot pack.
  const packed = bytes.read(member.begin, Math.min(member.size, npyHeadBytes + 5));
  if (member.inflated === undefined) return packed;
  for (let length = headStep; ; length += headStep) {
    const head = inflated(packed.subarray(0, length), { finishFlush: constants.Z_SYNC_FLUSH }, refuse);
    if (length >= packed.length || hasNpyHeader(head)) return head;
  }
}

function part(bytes: RandomBytes, member: Member, at: number, length: number, refuse: Refuse): Uint8Array<ArrayBuffer> {
  if (member.inflated === undefined) return bytes.read(member.begin + at, length);
  const whole = inflated(bytes.read(member.begin, member.size), { maxOutputLength: member.inflated }, refuse);
  if (whole.length !== member.inflated)
    refuse(`it is inflated to ${whole.length} bytes, not the ${member.inflated} of the directory`);
  return new Uint8Array(whole.subarray(at, at + length));
}

function inflated(packed: Uint8Array, options: Parameters<typeof inflateRawSync>[1], refuse: Refuse): Uint8Array {
  try {
    return inflateRawSync(packed, options);
  } catch {
    return refuse("its compressed bytes are damaged");
  }
}
