import { malformed } from "./proto.ts";

/**
 * Where the fields of a protobuf message lie in a file, so that a model is read without its weights. A field is its key (its
 * number and its wire type) and its value; the value of a message is fields again.
 */

/** Bytes of a file by their position. */
export interface ByteSource {
  readonly size: number;
  /** The bytes from `from` up to `to`, which lie in the file. Valid until the next call. */
  read(from: number, to: number): Uint8Array;
}

interface Field {
  readonly number: number;
  /** Whether the value is a length and so many bytes: a message, a text, packed numbers. */
  readonly isDelimited: boolean;
  /** Where the key begins, where the value's own bytes begin, and where the field ends. */
  readonly start: number;
  readonly value: number;
  readonly end: number;
}

const graphOfModel = 7;
const initializerOfGraph = 5;
const rawDataOfTensor = 9;

/** Far above the nodes and headers of any network; what decoding takes of memory is a multiple. */
const limits = { bytes: 2 ** 24, entries: 200_000 } as const;

/** A model file without the raw data of its initializers, and where these lie, in their order; null for one that has none. */
interface Skeleton {
  readonly bytes: Uint8Array;
  readonly rawData: readonly (RawData | null)[];
}

interface RawData {
  readonly offset: number;
  readonly length: number;
}

/** Throws `invalid-ir` for what is no message, has two graphs, or is larger than any network. */
export function skeletonOf(file: ByteSource): Skeleton {
  const rawData: (RawData | null)[] = [];
  let [kept, graphs, entries] = [0, 0, 0];
  const copy = ({ start, end }: Field): Uint8Array => {
    kept += end - start;
    if (kept > limits.bytes) throw malformed(`its nodes and headers take more than ${limits.bytes} bytes`);
    return file.read(start, end).slice();
  };
  const tensor = (field: Field): Uint8Array => {
    const raw = rawData.push(null) - 1;
    return message(field, (inner) => {
      if (inner.number !== rawDataOfTensor) return copy(inner);
      if (!inner.isDelimited || rawData[raw] !== null) throw malformed("an initializer's raw data are not one field");
      rawData[raw] = { offset: inner.value, length: inner.end - inner.value };
      return new Uint8Array();
    });
  };
  const entry = (field: Field): Uint8Array => {
    if (++entries > limits.entries) throw malformed(`its graph has more than ${limits.entries} entries`);
    return field.number === initializerOfGraph && field.isDelimited ? tensor(field) : copy(field);
  };
  const message = (field: Field, part: (inner: Field) => Uint8Array): Uint8Array => {
    const body = Buffer.concat([...fieldsOf(file, field.value, field.end)].map(part));
    return Buffer.concat([varint(field.number * 8 + 2), varint(body.length), body]);
  };
  const whole = [...fieldsOf(file, 0, file.size)].map((field) => {
    if (field.number !== graphOfModel || !field.isDelimited) return copy(field);
    if (++graphs > 1) throw malformed("it has two graphs");
    return message(field, entry);
  });
  return { bytes: Buffer.concat(whole), rawData };
}

function* fieldsOf(file: ByteSource, from: number, to: number): Generator<Field, void> {
  let count = 0;
  for (let at = from; at < to;) {
    if (++count > limits.entries) throw malformed(`a message has more than ${limits.entries} fields`);
    const key = varintAt(file, at, to);
    const [number, wire] = [Math.floor(key.value / 8), key.value % 8];
    const { value, end } = extent(file, wire, key.end, to);
    if (number === 0 || end > to) throw malformed(`byte ${at} begins no field of a message`);
    yield { number, isDelimited: wire === 2, start: at, value, end };
    at = end;
  }
}

/** Where a value of a wire type begins and ends. Groups are not written since proto2. */
function extent(file: ByteSource, wire: number, at: number, to: number): Pick<Field, "value" | "end"> {
  switch (wire) {
    case 0:
      return { value: at, end: varintAt(file, at, to).end };
    case 1:
      return { value: at, end: at + 8 };
    case 2: {
      const length = varintAt(file, at, to);
      return { value: length.end, end: length.end + length.value };
    }
    case 5:
      return { value: at, end: at + 4 };
    default:
      throw malformed(`byte ${at} has the wire type ${wire}`);
  }
}

/** An unsigned number of seven bits a byte, the lowest first; above 2^53 it is rounded, and ends behind every file. */
function varintAt(file: ByteSource, at: number, to: number): { readonly value: number; readonly end: number } {
  const bytes = file.read(at, Math.min(to, at + 10));
  let value = 0;
  for (const [i, byte] of bytes.entries()) {
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return { value, end: at + i + 1 };
  }
  throw malformed(`the number at byte ${at} does not end`);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Uint8Array.from([...bytes, rest]);
}
