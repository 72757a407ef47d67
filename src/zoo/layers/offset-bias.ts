import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";
import type { Pair } from "./conv.ts";

/**
 * A learned bias per head for the distance of two positions of a grid, signs aside (Graham et al. 2021, LeViT,
 * arXiv:2104.01136, section 4.2): [heads, queries, keys] from a table [heads, h w], whose entry |dy| w + |dx| is picked.
 * Queries stand at every `stride`-th row and column of the keys' grid.
 */
export function offsetBias(s: Scope, table: Value, grid: Pair, stride = 1): Value {
  return s.gather(table, offsetIndex(s, grid, stride), { axis: 1 });
}

/** |dy| w + |dx| for every query and key, [queries, keys]. */
const offsetIndex = (s: Scope, [h, w]: Pair, stride = 1): Value =>
  s.shared(`offset index ${h}x${w}/${stride}`, () => {
    const int = (value: number): Value => s.scalar(value, "i64");
    const [rows, columns] = [Math.ceil(h / stride), Math.ceil(w / stride)];
    const query = s.iota({ axis: 0, shape: [rows * columns, 1] });
    const key = s.iota({ axis: 1, shape: [1, h * w] });
    const distance = (q: Value, k: Value): Value => s.abs(s.sub(s.mul(q, int(stride)), k));
    const dy = distance(s.floor_div(query, int(columns)), s.floor_div(key, int(w)));
    const dx = distance(s.mod(query, int(columns)), s.mod(key, int(w)));
    return s.add(s.mul(dy, int(w)), dx);
  });
