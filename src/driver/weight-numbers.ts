import { decodeNumbers, viewAs } from "../ir/bytes.ts";
import type { DType } from "../ir/dtype.ts";
import { pauses } from "../backends/interrupt.ts";

/** A tensor of a model as it is stored. */
export interface StoredTensor {
  readonly header: { readonly name: string; readonly dtype: string };
  readonly fromCheckpoint: boolean;
  /** Evaluates it. */
  bytes(): Uint8Array;
}

/** Is shown the bytes of a tensor that comes from the checkpoint. */
export type See = (tensor: StoredTensor, bytes: Uint8Array) => void;

/** The same tensor, which shows its bytes whenever they are evaluated. */
export const shown = <T extends StoredTensor>(tensor: T, see: See): T => ({
  ...tensor,
  bytes: () => {
    const bytes = tensor.bytes();
    if (tensor.fromCheckpoint) see(tensor, bytes);
    return bytes;
  },
});

/** Looks at the weights of a model when they are written, and says what was found so far. */
interface NumberWatch {
  readonly see: See;
  /** The same bytes give the same notices. */
  readonly notices: () => readonly string[];
}

type FloatType = Extract<DType, "f16" | "bf16" | "f32" | "f64">;

const isFloatType = (dtype: string): dtype is FloatType => /^(?:f16|bf16|f32|f64)$/.test(dtype);

/** Tensors with numbers that no network computes with. */
interface Finding {
  readonly name: string;
  readonly count: number;
  readonly of: number;
}

/** Tensors that a notice names. */
const namedTensors = 3;

/**
 * Looks at what is written of each tensor that comes from the checkpoint: after the passes, so that a variance below
 * zero, which becomes NaN where it is folded, counts like a NaN of the file, and after the conversion, so that a number
 * beyond the range of its type counts too.
 */
export function watchNumbers(): NumberWatch {
  const odd = new Map<string, Finding>();
  const negative = new Map<string, Finding>();
  const note = (found: Map<string, Finding>, name: string, counted: { count: number; of: number }): void => {
    if (counted.count > 0) found.set(name, { name, ...counted });
  };
  return {
    see: ({ header: { name, dtype } }, bytes) => {
      if (!isFloatType(dtype)) return;
      note(odd, name, countNotFinite(dtype, bytes));
      if (!name.endsWith(".running_var")) return;
      const below = countNumbers(dtype, bytes, (x) => x < 0);
      note(negative, name, below);
    },
    notices: () => [
      ...noticeOf([...odd.values()], "are NaN or infinite as the model has them, and so may its outputs be"),
      ...noticeOf([...negative.values()], "are variances below zero, of which there is no square root"),
    ],
  };
}

/** What `watchNumbers` would find if the tensors were written. */
export async function numberNotices(
  tensors: readonly StoredTensor[],
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const { see, notices } = watchNumbers();
  const pause = pauses(signal);
  for (const tensor of tensors) {
    if (!tensor.fromCheckpoint) continue;
    see(tensor, tensor.bytes());
    await pause();
  }
  return notices();
}

function noticeOf(findings: readonly Finding[], what: string): string[] {
  if (findings.length === 0) return [];
  const named = findings.slice(0, namedTensors).map(({ name, count, of }) => `${count} of ${of} numbers of ${name}`);
  const more = findings.length - named.length;
  return [`${named.join(", ")}${more > 0 ? ` and numbers of ${more} more tensor${more > 1 ? "s" : ""}` : ""} ${what}`];
}

/** Numbers that are added up at a time: a short loop that is called often is compiled early, a long one late. */
const block = 4096;

/**
 * Of f32 all numbers are looked at before any is counted: a float64 sum of finite ones is finite however many there are,
 * and a NaN or an infinity stays in it.
 */
function countNotFinite(dtype: FloatType, bytes: Uint8Array): { count: number; of: number } {
  if (dtype === "f32") {
    const numbers = viewAs(bytes, Float32Array);
    let sum = 0;
    for (let from = 0; from < numbers.length; from += block) sum += sumOf(numbers, from);
    if (Number.isFinite(sum)) return { count: 0, of: numbers.length };
  }
  return countNumbers(dtype, bytes, (x) => !Number.isFinite(x));
}

/** Of a block, in four sums that do not wait for each other. */
function sumOf(numbers: Float32Array, from: number): number {
  const end = Math.min(numbers.length, from + block);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = from;
  for (; i + 4 <= end; i += 4) {
    a += numbers[i] ?? 0;
    b += numbers[i + 1] ?? 0;
    c += numbers[i + 2] ?? 0;
    d += numbers[i + 3] ?? 0;
  }
  for (; i < end; i++) a += numbers[i] ?? 0;
  return a + b + c + d;
}

function countNumbers(dtype: FloatType, bytes: Uint8Array, is: (x: number) => boolean): { count: number; of: number } {
  const numbers = decodeNumbers(dtype, bytes);
  let count = 0;
  for (let i = 0; i < numbers.length; i++) if (is(numbers[i] ?? 0)) count++;
  return { count, of: numbers.length };
}
