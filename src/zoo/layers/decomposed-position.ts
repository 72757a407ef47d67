import { type Dim, mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";
import type { Pair } from "./conv.ts";

/**
 * Rows of a table [L, D] by the distance of queries to keys along one axis, [queries, keys, D]; the coarser side is counted
 * in steps of the finer (MViTv2, Li et al. 2022, section 4.1). The table holds at least the 2 max(queries, keys) - 1 steps.
 */
export function rowsByDistance(s: Scope, table: Value, queries: number, keys: number): Value {
  const [perQuery, perKey] = [Math.max(keys / queries, 1), Math.max(queries / keys, 1)];
  const at = (axis: 0 | 1, step: number): Value => {
    const shape = axis === 0 ? [queries, 1] : [1, keys];
    return s.mul(s.cast(s.iota({ axis, shape }), { to: "f32" }), s.scalar(step));
  };
  const distance = s.add(s.sub(at(0, perQuery), at(1, perKey)), s.scalar((keys - 1) * perKey));
  return s.gather(table, s.cast(distance, { to: "i64" }), { axis: 0 });
}

/** The same for a table of any length, which is interpolated to as many steps as there are. */
export function relativeRows(s: Scope, table: Value, queries: number, keys: number): Value {
  const length = 2 * Math.max(queries, keys) - 1;
  const sized = table.type.shape[0] === length ? table : s.resize(table, { axes: [0], size: [length], mode: "linear" });
  return rowsByDistance(s, sized, queries, keys);
}

/**
 * Biases of the scores of queries [B, heads, h w, D] on a grid: what they are towards the row and the column of each key,
 * [B, heads, h w, keys]. `rows` and `columns` are those of the two axes.
 */
export function decomposedBias(s: Scope, q: Value, [h, w]: Pair, rows: Value, columns: Value): Value {
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
  return s.reshape(sum, { shape: [n, heads, h * w, keys] });
}
