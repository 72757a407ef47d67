import { decodeFloat } from "../ir/float.ts";
import { TimmcError } from "../ir/error.ts";
import { count } from "../ir/type.ts";
import type { NpyArray } from "../runtime/npy.ts";

/** What people look at in a tensor; the numbers are null where values that are not finite leave none. */
export interface OutputSummary {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly mean: number | null;
  readonly std: number | null;
  readonly min: number | null;
  readonly max: number | null;
  /** How many values are NaN or infinite. */
  readonly not_finite: number;
}

/** A class and its probability: softmax over all logits. */
export interface ClassScore {
  readonly index: number;
  /** The class name, where the manifest knows one. */
  readonly label: string | null;
  readonly probability: number;
  readonly logit: number;
}

/** The elements of an array as numbers, one after another; int64 beyond 2^53 is rounded. */
export function numbersOf(array: NpyArray): ArrayLike<number> {
  switch (array.dtype) {
    case "f16":
      return Float32Array.from(array.data, (code) => decodeFloat("f16", code));
    case "i64":
      return Float64Array.from(array.data, Number);
    default:
      return array.data;
  }
}

export function summarize(name: string, array: NpyArray): OutputSummary {
  const values = numbersOf(array);
  const n = values.length;
  let [sum, min, max, infinite] = [0, Infinity, -Infinity, 0];
  for (let i = 0; i < n; i++) {
    const v = values[i] ?? 0;
    if (!Number.isFinite(v)) infinite++;
    sum += v;
    if (v < min) min = v;
    if (v > max) max = v;
  }
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += ((values[i] ?? 0) - mean) ** 2;
  const shown = (v: number): number | null => (infinite === 0 && n > 0 ? v : null);
  return {
    name,
    dtype: array.dtype,
    shape: array.shape,
    mean: shown(mean),
    std: shown(Math.sqrt(squares / n)),
    min: shown(min),
    max: shown(max),
    not_finite: infinite,
  };
}

/** The rows of image `index` among `images`: an output holds the same number of rows for each, in order. */
export function rowsOf(array: NpyArray, index: number, images: number): NpyArray {
  const [rows = 1, ...rest] = array.shape;
  const each = rows / images;
  const row = count(rest);
  const shape = [each, ...rest];
  const [from, to] = [index * each * row, (index + 1) * each * row];
  return { ...array, shape, data: array.data.subarray(from, to) } as NpyArray;
}

/**
 * The `top` classes by falling logit, of equal ones the lower index first; of probabilities their logarithms are logits.
 * Throws `numeric` for logits that are not finite.
 */
export function topClasses(
  values: ArrayLike<number>,
  top: number,
  labels: readonly (string | null)[] | null,
  softmax = false,
): ClassScore[] {
  const logits = softmax ? Array.from(values, (p) => Math.log(Math.max(p, Number.MIN_VALUE))) : values;
  const scores = Array.from(logits, (logit, index) => ({ index, logit }));
  if (!scores.every((s) => Number.isFinite(s.logit)))
    throw new TimmcError("numeric", "the logits hold values that are not finite", {
      hint: "timmc verify DIR measures the artifact.",
    });
  const highest = scores.reduce((m, s) => Math.max(m, s.logit), -Infinity);
  const total = scores.reduce((sum, s) => sum + Math.exp(s.logit - highest), 0);
  return scores
    .sort((a, b) => b.logit - a.logit || a.index - b.index)
    .slice(0, top)
    .map(({ index, logit }) => ({
      index,
      label: labels?.[index] ?? null,
      probability: Math.exp(logit - highest) / total,
      logit,
    }));
}
