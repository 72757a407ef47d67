import type { Value } from "../../ir/value.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Pair } from "../layers/conv.ts";
import type { Ops } from "../scope.ts";
import { type Matrix, between, requireExtents, transposed } from "./matrix.ts";
import type { Compute } from "./remap.ts";
import { resample } from "./resample.ts";
import { change, extent } from "./steps.ts";

/**
 * Tables of biases by relative position at the model's windows (timm's resize_rel_pos_bias_table, after BEiT's
 * fine-tuning). A table is [(2h - 1)(2w - 1) + extra, heads], of a square window in the file, with rows for tokens outside
 * the window last, which are kept; or [heads, 2h - 1, 2w - 1]. `window` gives the model's window by the table's name.
 * Throws TimmcError where the rows of a file's table are not a square window's.
 */
export const relativeBiasToModel = (from: RegExp, window: (name: string) => Pair): Compute =>
  change(`${resample} relative positions`, from, (b, x, { target, name }) => {
    const wanted = target.shape(name);
    if (wanted === undefined) return x;
    if (wanted.length === 3) return mapsTo(b, x, [wanted[1] ?? 1, wanted[2] ?? 1]);
    const [h, w] = window(name);
    return rowsTo(b, x, [2 * h - 1, 2 * w - 1], wanted[0] ?? 1);
  });

/** timm takes every source for a square one, so that a table of another window and as many rows is resampled too. */
function rowsTo(b: Ops, x: Value, to: Pair, wantedRows: number): Value {
  const [rows, heads] = [extent(x, 0), extent(x, 1)];
  const extra = wantedRows - to[0] * to[1];
  const grid = rows - extra;
  const side = Math.round(Math.sqrt(grid));
  const isSquare = side * side === grid && side % 2 === 1;
  if (rows === wantedRows && (to[0] === to[1] || !isSquare)) return x;
  if (!isSquare)
    throw new TimmcError("weights", `${rows} relative positions are not ${extra} and those of a square window`);
  const inside = extra === 0 ? x : b.slice(x, { axis: 0, range: [0, grid] });
  const maps = b.reshape(b.transpose(inside, { perm: [1, 0] }), { shape: [heads, side, side] });
  const resampled = b.reshape(mapsTo(b, maps, to), { shape: [heads, to[0] * to[1]] });
  const table = b.transpose(resampled, { perm: [1, 0] });
  return extra === 0 ? table : b.concat([table, b.slice(x, { axis: 0, range: [grid, rows] })], { axis: 0 });
}

/** [heads, rows, columns] at another size. Both axes are resampled where one differs: the uneven grid moves either. */
function mapsTo(b: Ops, maps: Value, to: Pair): Value {
  const from: Pair = [extent(maps, 1), extent(maps, 2)];
  if (from[0] === to[0] && from[1] === to[1]) return maps;
  return between(b, resampling(from[0], to[0]), maps, transposed(resampling(from[1], to[1])));
}

/** Row t holds the weights of the whole position t - floor(to / 2) between its two neighbours of the uneven grid. */
function resampling(from: number, to: number): Matrix {
  requireExtents(from, to);
  const grid = unevenGrid(from, to);
  const last = grid.length - 1;
  const half = Math.floor(to / 2);
  return Array.from({ length: to }, (_, t) => {
    const at = t - half;
    const found = grid.findIndex((position) => position >= at);
    const right = found < 0 ? last : found;
    const left = found <= 0 ? right : right - 1;
    const [low = 0, high = 0] = [grid[left], grid[right]];
    const share = left === right ? 1 : (at - low) / (high - low);
    return Array.from({ length: from }, (_v, j) => (j === right ? share : j === left ? 1 - share : 0));
  });
}

/**
 * Where the positions of a stored table are taken to lie: 0, and 1, 1 + q, 1 + q + q^2, ... to either side, so that near
 * positions stay where they are and far ones spread. q is searched between 1.01 and 1.5, so that the outermost lies at the
 * target's; where no such q makes it, the bounds hold.
 */
function unevenGrid(from: number, to: number): readonly number[] {
  const steps = Math.floor(from / 2);
  const reach = Math.floor(to / 2);
  let [low, high, q] = [1.01, 1.5, 1.01];
  while (high - low > 1e-6) {
    q = (low + high) / 2;
    if ((1 - q ** steps) / (1 - q) > reach) high = q;
    else low = q;
  }
  const side: number[] = [];
  for (let i = 0, at = 1; i < steps; i++, at += q ** i) side.push(at);
  return [...side.map((at) => -at).toReversed(), 0, ...side];
}
