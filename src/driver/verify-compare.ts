import type { DType } from "../ir/dtype.ts";
import type { NpyArray } from "../runtime/npy.ts";
import type { Manifest, ManifestOutput } from "./manifest.ts";
import type { Precision } from "../passes/precision/precision.ts";
import { numbersOf } from "./run-report.ts";

export type Outputs = ReadonlyMap<string, NpyArray>;

/** The largest error allowed: a fraction of the reference's standard deviation plus one of its largest magnitude. */
export interface Budget {
  readonly of_std: number;
  readonly of_absmax: number;
}

const exact: Budget = { of_std: 0, of_absmax: 0 };

/**
 * By the output's type. The share of the spread covers rounding that a network accumulates and amplifies: two orders of
 * the type's unit in the last place over what a hundred layers show. The share of the magnitude covers outputs without
 * spread, where the spread is itself rounding. Integers and truth values do not round.
 */
export const budgets: { readonly [D in DType]: Budget } = {
  // Unit roundoff 1.1e-16; measured only between reference evaluations.
  f64: { of_std: 1e-10, of_absmax: 1e-12 },
  // Unit roundoff 6e-8; sound networks show at most 1e-5 of the spread, a wrong border or a lost bias goes far beyond.
  f32: { of_std: 2e-4, of_absmax: 1e-5 },
  // Unit roundoff 4.9e-4.
  f16: { of_std: 5e-2, of_absmax: 5e-3 },
  // Unit roundoff 3.9e-3.
  bf16: { of_std: 4e-1, of_absmax: 4e-2 },
  i64: exact,
  i32: exact,
  u8: exact,
  i8: exact,
  i4: exact,
  bool: exact,
};

/** Of an output of a network that keeps its tensors so. */
export const budgetOf = (dtype: DType, precision: Precision): Budget =>
  budgets[dtype === "f32" && precision === "fp16" ? "f16" : dtype];

/** The precision of an artifact. */
export const precisionOf = ({ target }: Manifest): Precision => target.precision ?? "fp32";

/** The problem of an output whose reference is no reference. */
export const referenceNotFinite = "the reference holds values that are not finite";

/** How far one output is from its reference on one input. */
export interface Measurement {
  readonly name: string;
  /** Largest absolute error; NaN where a value of either side is not finite, or the shapes differ. */
  readonly error: number;
  /** The same as a fraction of the reference's standard deviation; NaN where the reference has none and an error is. */
  readonly ofStd: number;
  /** The same as a fraction of what is allowed. Only up to 1 passes; NaN does not. */
  readonly used: number;
  readonly problem: string | null;
}

export const passes = (m: Measurement): boolean => m.used <= 1;

/** Measures every output of the manifest, in its order, against the budgets of a precision. */
export const measure = (
  declared: readonly ManifestOutput[],
  reference: Outputs,
  actual: Outputs,
  precision: Precision = "fp32",
): Measurement[] =>
  declared.map((output) => measureOutput(output, reference.get(output.name), actual.get(output.name), precision));

/** Measures one output. */
export function measureOutput(
  { name, dtype }: Pick<ManifestOutput, "name" | "dtype">,
  reference: NpyArray | undefined,
  actual: NpyArray | undefined,
  precision: Precision,
): Measurement {
  const failed = (problem: string): Measurement => ({ name, error: NaN, ofStd: NaN, used: NaN, problem });
  if (reference === undefined) return failed("the reference lacks it");
  if (actual === undefined) return failed("the model lacks it");
  if (actual.dtype !== dtype) return failed(`it is ${actual.dtype} instead of ${dtype}`);
  if (String(actual.shape) !== String(reference.shape))
    return failed(`its shape is [${actual.shape.join(",")}] instead of [${reference.shape.join(",")}]`);
  const [r, a] = [numbersOf(reference), numbersOf(actual)];
  const { std, absmax } = spread(r);
  if (!Number.isFinite(absmax)) return failed(referenceNotFinite);
  let error = 0;
  for (let i = 0; i < r.length; i++) {
    const difference = Math.abs((a[i] ?? NaN) - (r[i] ?? NaN));
    // A comparison with NaN is false: NaN is caught here and stays.
    if (!(difference <= error)) error = difference;
    if (!Number.isFinite(difference)) return failed("it holds values that are not finite");
  }
  const { of_std, of_absmax } = budgetOf(dtype, precision);
  const allowed = of_std * std + of_absmax * absmax;
  return { name, error, ofStd: ratio(error, std), used: ratio(error, allowed, Infinity), problem: null };
}

/** a / b, and what stands for it where b is 0: no error is none of anything. */
const ratio = (a: number, b: number, otherwise = NaN): number => (a === 0 ? 0 : b === 0 ? otherwise : a / b);

function spread(values: ArrayLike<number>): { readonly std: number; readonly absmax: number } {
  const n = values.length;
  let [sum, absmax] = [0, 0];
  for (let i = 0; i < n; i++) {
    const v = values[i] ?? NaN;
    sum += v;
    if (!(Math.abs(v) <= absmax)) absmax = Math.abs(v);
    if (Number.isNaN(v)) return { std: NaN, absmax: NaN };
  }
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += ((values[i] ?? NaN) - mean) ** 2;
  return { std: Math.sqrt(squares / n), absmax };
}
