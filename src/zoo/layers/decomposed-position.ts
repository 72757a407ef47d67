import { type Dim, isStatic, mulDim, printDim, sameDim, scaleDim, subDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";
import { extent } from "./extent.ts";
import type { Size } from "./window.ts";

/** How many of b are in a, at least 1. Symbolic extents are whole multiples of one another. */
function ratio(a: Dim, b: Dim): number {
  if (isStatic(a) && isStatic(b)) return Math.max(a / b, 1);
  const times = (large: Dim, small: Dim): number | undefined => {
    if (isStatic(large) || isStatic(small)) return undefined;
    const factor = (large.terms[0]?.coefficient ?? 0) / (small.terms[0]?.coefficient ?? 1);
    return Number.isInteger(factor) && sameDim(scaleDim(small, factor), large) ? factor : undefined;
  };
  const found = times(a, b) ?? (times(b, a) === undefined ? undefined : 1);
  if (found !== undefined) return found;
  throw new TimmcError("unsupported", `positions of ${printDim(a)} and of ${printDim(b)} have no common step`, {
    hint: "take sizes of a larger multiple",
  });
}

/**
 * Rows of a table [L, D] by the distance of queries to keys along one axis, [queries, keys, D]; the coarser side is counted
 * in steps of the finer (MViTv2, Li et al. 2022, section 4.1). The table holds at least the 2 max(queries, keys) - 1 steps.
 */
export function rowsByDistance(s: Scope, table: Value, queries: Dim, keys: Dim): Value {
  const [perQuery, perKey] = [ratio(keys, queries), ratio(queries, keys)];
  const at = (axis: 0 | 1, step: number): Value => {
    const shape = axis === 0 ? [queries, 1] : [1, keys];
    return s.mul(s.cast(s.iota({ axis, shape }), { to: "f32" }), s.scalar(step));
  };
  const last = isStatic(keys) ? (keys - 1) * perKey : scaleDim(subDim(keys, 1), perKey);
  const distance = s.add(s.sub(at(0, perQuery), at(1, perKey)), extent(s, last, "f32"));
  return s.gather(table, s.cast(distance, { to: "i64" }), { axis: 0 });
}

/** The same for a table of any length, which is interpolated to as many steps as there are. */
export function relativeRows(s: Scope, table: Value, queries: Dim, keys: Dim): Value {
  const length = subDim(scaleDim(ratio(keys, queries) > 1 ? keys : queries, 2), 1);
  const sized = table.type.shape[0] === length ? table : s.resize(table, { axes: [0], size: [length], mode: "linear" });
  return rowsByDistance(s, sized, queries, keys);
}

/**
 * Biases of the scores of queries [B, heads, h w, D] on a grid: what they are towards the row and the column of each key,
 * [B, heads, h w, keys]. `rows` and `columns` are those of the two axes.
 */
export function decomposedBias(s: Scope, q: Value, [h, w]: Size, rows: Value, columns: Value): Value {
  const [n = 1, heads = 1, , d = 1] = q.type.shape;
  const [keyRows = 1, keyColumns = 1] = [rows.type.shape[1], columns.type.shape[1]];
  const grid = s.reshape(q, { shape: [n, heads, h, w, d] });
  const swapped = { perm: [0, 2, 1] };
  const byRow = s.matmul(grid, s.transpose(rows, swapped));
  const byColumn = s.matmul(s.transpose(grid, { perm: [0, 1, 3, 2, 4] }), s.transpose(columns, swapped));
  const sum = s.add(
    s.reshape(byRow, { shape: [n, heads, h, w, keyRows, 1] }),
    s.reshape(s.transpose(byColumn, { perm: [0, 1, 3, 2, 4] }), { shape: [n, heads, h, w, 1, keyColumns] }),
  );
  const keys: Dim = mulDim(keyRows, keyColumns);
  return s.reshape(sum, { shape: [n, heads, mulDim(h, w), keys] });
}
