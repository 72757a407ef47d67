import { count } from "../../../ir/type.ts";
import type { Refuse } from "../file.ts";
import { type StoredDType, storedBits } from "../source.ts";
import { type StorageValue, type TensorValue, type Value, describeValue } from "./values.ts";

const MAX_RANK = 64;
/** A view may repeat elements (`expand`): such a tensor may take this many bytes, or as many as its storage. */
const MAX_REPEATED = 1 << 26;

/** A view of a storage as torch's rebuild functions describe it; every element must lie in the storage. */
export function tensorView(
  storage: Value | undefined,
  dtype: StoredDType | undefined,
  [offsetValue, sizeValue, strideValue]: readonly (Value | undefined)[],
  refuse: Refuse,
): TensorValue {
  if (!isStorage(storage)) return refuse(`a tensor's storage is ${describeValue(storage ?? null)}`);
  const type = dtype ?? (storage.dtype === "untyped" ? refuse("a tensor has no element type") : storage.dtype);
  if (dtype !== undefined && storage.dtype !== "untyped" && storage.dtype !== dtype) {
    refuse(`a tensor of ${dtype} lies in a storage of ${storage.dtype}`);
  }
  const offset = natural(offsetValue, "offset", refuse);
  const shape = naturals(sizeValue, "shape", refuse);
  const strides = naturals(strideValue, "strides", refuse);
  if (shape.length !== strides.length) refuse(`a tensor has ${shape.length} dimensions and ${strides.length} strides`);
  const width = bytesPer(type);
  const held = Math.floor(bytesHeld(storage) / width);
  const elements = shape.reduce((product, n) => product * n, 1);
  if (!Number.isSafeInteger(elements * width))
    refuse(`a tensor of shape [${shape.join(", ")}] needs 2^53 bytes or more`);
  const last = offset + shape.reduce((sum, n, i) => sum + (n - 1) * (strides[i] ?? 0), 0);
  if (elements > 0 && last >= held) {
    refuse(
      `a tensor of shape [${shape.join(", ")}], strides [${strides.join(", ")}] and offset ${offset} reaches element ${last} of a storage of ${held}`,
    );
  }
  if (elements * width > Math.max(bytesHeld(storage), MAX_REPEATED)) {
    refuse(`a tensor of shape [${shape.join(", ")}] repeats the ${held} elements of its storage too often`);
  }
  return { kind: "tensor", storage, dtype: type, shape, strides, offset };
}

/**
 * The elements in row-major order, little-endian. `read` gives bytes of the storage (position and length in bytes); only
 * the span between the first and the last element is asked for.
 */
export function materialise(
  { dtype, shape, strides, offset }: Pick<TensorValue, "dtype" | "shape" | "strides" | "offset">,
  read: (begin: number, length: number) => Uint8Array<ArrayBuffer>,
  bigEndian: boolean,
): Uint8Array {
  const elements = count(shape);
  if (elements === 0) return new Uint8Array();
  const width = bytesPer(dtype);
  const reach = shape.reduce((sum, n, i) => sum + (n - 1) * (strides[i] ?? 0), 0);
  const span = read(offset * width, (reach + 1) * width);
  if (bigEndian) swapBytes(span, width);
  if (isRowMajor(shape, strides)) return span;
  const carrier = width === 8 ? BigUint64Array : width === 4 ? Uint32Array : width === 2 ? Uint16Array : Uint8Array;
  const out = new carrier(elements);
  gather(new carrier(span.buffer), out, shape, strides);
  return new Uint8Array(out.buffer);
}

const bytesPer = (dtype: StoredDType): number => storedBits[dtype] / 8;

/** The bytes of a storage, or of the run of it that a view was saved with. */
export const bytesHeld = ({ dtype, count: elements }: StorageValue): number =>
  elements * (dtype === "untyped" ? 1 : bytesPer(dtype));

function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const n = shape[i] ?? 1;
    if (n !== 1 && strides[i] !== expected) return false;
    expected *= n;
  }
  return true;
}

type Carrier = Uint8Array | Uint16Array | Uint32Array | BigUint64Array;

/** out[i] = from[i . strides], the last index fastest. */
function gather<T extends Carrier>(from: T, out: T, shape: readonly number[], strides: readonly number[]): void {
  const inner = shape.at(-1) ?? 1;
  const step = strides.at(-1) ?? 1;
  const index = shape.slice(0, -1).map(() => 0);
  let at = 0;
  let to = 0;
  while (to < out.length) {
    for (let i = 0; i < inner; i++) out[to++] = from[at + i * step] ?? 0;
    for (let d = index.length - 1; d >= 0; d--) {
      const next = (index[d] ?? 0) + 1;
      at += strides[d] ?? 0;
      index[d] = next;
      if (next < (shape[d] ?? 1)) break;
      at -= next * (strides[d] ?? 0);
      index[d] = 0;
    }
  }
}

/** In place; `Buffer` shares the memory. */
function swapBytes(bytes: Uint8Array<ArrayBuffer>, width: number): void {
  const buffer = Buffer.from(bytes.buffer);
  if (width === 2) buffer.swap16();
  else if (width === 4) buffer.swap32();
  else if (width === 8) buffer.swap64();
}

const isStorage = (value: Value | undefined): value is StorageValue =>
  typeof value === "object" && value?.kind === "storage";

export const natural = (value: Value | undefined, what: string, refuse: Refuse): number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0
    ? value
    : refuse(
        `a tensor's ${what} is ${typeof value === "number" ? value : describeValue(value ?? null)}, not a natural number below 2^53`,
      );

function naturals(value: Value | undefined, what: string, refuse: Refuse): readonly number[] {
  if (typeof value !== "object" || value === null || value.kind !== "tuple") {
    return refuse(`a tensor's ${what} is ${describeValue(value ?? null)} instead of a tuple`);
  }
  if (value.items.length > MAX_RANK) refuse(`a tensor has ${value.items.length} dimensions`);
  return value.items.map((item) => natural(item, what, refuse));
}
