import { closeSync, openSync, readSync } from "node:fs";
import { type OnnxDType, tensorByteLength } from "../../backends/onnx/model.ts";
import { pauses } from "../../backends/interrupt.ts";
import { type Numbers, decodeNumbers, viewAs } from "../../ir/bytes.ts";
import { type DType, dtypes, isFloat } from "../../ir/dtype.ts";
import { TimmcError } from "../../ir/error.ts";

import type { NumberChange } from "./report.ts";

/** Where a tensor lies in a file, and what it is; null stands for a type of which nobody says anything. */
export interface TensorPlace {
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
  readonly elements: number;
  readonly dtype: OnnxDType | null;
}

/** Elements that are in memory at once; even, since two of four bits share a byte. */
const atOnce = 2 ** 18;

interface Comparison {
  readonly sameBytes: boolean;
  readonly numbers: NumberChange | null;
}

/**
 * Compares two tensors of as many elements piece by piece, in the memory of two pieces. There are numbers where both are
 * floats, or both of one type. The event loop turns between pieces; throws `interrupted` once the signal has fired.
 */
export async function compareTensors(a: TensorPlace, b: TensorPlace, signal?: AbortSignal): Promise<Comparison> {
  const [typeA, typeB] = [a.dtype, b.dtype];
  if (typeA !== null && typeB !== null && (typeA === typeB || (isFloating(typeA) && isFloating(typeB))))
    return compareNumbers({ ...a, dtype: typeA }, { ...b, dtype: typeB }, signal);
  const bytes = (place: TensorPlace): Typed => ({ ...place, dtype: "u8", elements: place.bytes });
  const sameBytes = a.bytes === b.bytes && (await compareNumbers(bytes(a), bytes(b), signal)).sameBytes;
  return { sameBytes: sameBytes && typeA === typeB, numbers: null };
}

type Typed = TensorPlace & { readonly dtype: OnnxDType };

async function compareNumbers(a: Typed, b: Typed, signal: AbortSignal | undefined): Promise<Comparison> {
  const pause = pauses(signal);
  const tally = { changed: 0, max_abs: 0, max_rel: 0, not_finite: 0 };
  let sameBytes = a.dtype === b.dtype;
  const files = [openSync(a.path, "r"), openSync(b.path, "r")] as const;
  try {
    for (let from = 0; from < a.elements; from += atOnce) {
      const to = Math.min(a.elements, from + atOnce);
      const [one, other] = [piece(files[0], a, from, to), piece(files[1], b, from, to)];
      if (a.dtype !== b.dtype || !one.equals(other)) {
        sameBytes = false;
        addChanges(tally, numbersOf(a.dtype, one), numbersOf(b.dtype, other), to - from);
      }
      await pause();
    }
    return { sameBytes, numbers: tally };
  } finally {
    files.forEach(closeSync);
  }
}

function piece(file: number, { path, offset, dtype }: Typed, from: number, to: number): Buffer {
  const start = offset + tensorByteLength({ dtype, dims: [from] });
  const bytes = Buffer.alloc(tensorByteLength({ dtype, dims: [to - from] }));
  for (let done = 0; done < bytes.length;) {
    const n = readSync(file, bytes, done, bytes.length - done, start + done);
    if (n === 0) throw new TimmcError("io", "the file was cut while it was read", { trail: [path] });
    done += n;
  }
  return bytes;
}

/** NaN equals NaN. */
function addChanges(
  tally: { -readonly [K in keyof NumberChange]: NumberChange[K] },
  a: Numbers,
  b: Numbers,
  length: number,
): void {
  for (let i = 0; i < length; i++) {
    const [x, y] = [a[i] ?? NaN, b[i] ?? NaN];
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    tally.changed++;
    const difference = Math.abs(x - y);
    if (!Number.isFinite(difference)) tally.not_finite++;
    else {
      tally.max_abs = Math.max(tally.max_abs, difference);
      tally.max_rel = Math.max(tally.max_rel, difference / Math.max(Math.abs(x), Math.abs(y)));
    }
  }
}

const isOurs = (dtype: OnnxDType): dtype is OnnxDType & DType => dtypes.some((name) => name === dtype);
const isFloating = (dtype: OnnxDType): boolean => isOurs(dtype) && isFloat(dtype);

/** Elements from their bytes; int64 beyond 2^53 is rounded. Of four bits the first is in the low half of a byte. */
function numbersOf(dtype: OnnxDType, bytes: Uint8Array): Numbers {
  if (isOurs(dtype)) return decodeNumbers(dtype, bytes);
  switch (dtype) {
    case "u16":
      return Float32Array.from(viewAs(bytes, Uint16Array));
    case "i16":
      return Float32Array.from(viewAs(bytes, Int16Array));
    case "u32":
      return Float64Array.from(viewAs(bytes, Uint32Array));
    case "u64":
      return Float64Array.from(viewAs(bytes, BigUint64Array), Number);
    case "u4":
      return Float32Array.from({ length: 2 * bytes.length }, (_, i) => nibble(bytes, i));
    default:
      return dtype satisfies never;
  }
}

const nibble = (bytes: Uint8Array, i: number): number => ((bytes[i >> 1] ?? 0) >> (4 * (i % 2))) & 15;
