import type { Value } from "../../ir/value.ts";
import { TimmcError } from "../../ir/error.ts";
import { type ResizeOptions, resizeTaps } from "../../ir/ops/resize.ts";
import type { Ops } from "../scope.ts";

/** Rows of numbers. Resampling is separable, so that one small matrix per axis is all of it. */
export type Matrix = readonly (readonly number[])[];

/** Beyond every patch and window. The work grows with the cube. */
const maxExtent = 512;

/** Row o holds the weights of output o over `from` inputs. */
export function resizeMatrix(from: number, to: number, options: ResizeOptions): Matrix {
  requireExtents(from, to);
  return resizeTaps(from, to, options).map((taps) => {
    const row = Array.from({ length: from }, () => 0);
    for (const [j, weight] of taps) row[j] = weight;
    return row;
  });
}

export function requireExtents(...extents: readonly number[]): void {
  const wrong = extents.find((n) => n < 1 || n > maxExtent);
  if (wrong !== undefined)
    throw new TimmcError("weights", `an extent of ${wrong} cannot be resampled: 1 to ${maxExtent} can`);
}

export const transposed = (m: Matrix): Matrix => (m[0] ?? []).map((_, j) => m.map((row) => row[j] ?? 0));

const product = (a: Matrix, b: Matrix): Matrix => {
  const columns = transposed(b);
  return a.map((row) => columns.map((column) => row.reduce((sum, x, i) => sum + x * (column[i] ?? 0), 0)));
};

/**
 * The Moore-Penrose inverse of a matrix of full rank: A^T (A A^T)^-1 where it is wide, (A^T A)^-1 A^T where it is tall.
 * Throws TimmcError where the rank is not full.
 */
export function pseudoInverse(a: Matrix): Matrix {
  const t = transposed(a);
  return a.length <= t.length ? product(t, inverse(product(a, t))) : product(inverse(product(t, a)), t);
}

/** Gauss and Jordan, with the largest pivot of each column. */
function inverse(m: Matrix): Matrix {
  const n = m.length;
  const rows = m.map((row, i) => [...row, ...Array.from({ length: n }, (_, j) => (i === j ? 1 : 0))]);
  for (let c = 0; c < n; c++) {
    const size = (row: number): number => Math.abs(rows[row]?.[c] ?? 0);
    let best = c;
    for (let r = c + 1; r < n; r++) if (size(r) > size(best)) best = r;
    if (size(best) < 1e-12) throw new TimmcError("weights", "the resampling cannot be inverted");
    const [top = [], pivot = []] = [rows[c], rows[best]];
    rows[best] = top;
    const scale = pivot[c] ?? 1;
    const unit = pivot.map((x) => x / scale);
    rows[c] = unit;
    for (const [r, row] of rows.entries()) {
      const factor = row[c] ?? 0;
      if (r !== c && factor !== 0) rows[r] = row.map((x, j) => x - factor * (unit[j] ?? 0));
    }
  }
  return rows.map((row) => row.slice(n));
}

/** `left` x `right` over the last two axes. */
export function between(b: Ops, left: Matrix, x: Value, right: Matrix): Value {
  return b.matmul(b.matmul(constant(b, left), x), constant(b, right));
}

const constant = (b: Ops, m: Matrix): Value => b.constant({ values: m.flat(), shape: [m.length, m[0]?.length ?? 0] });
