import { type Kernel, isMatrixWork } from "./build.ts";
import type { Variable } from "./index-expr.ts";
import { limits } from "./limits.ts";
import type { Schedule } from "./schedule.ts";

/** A device should have this many workgroups at least: more than it has processors. */
export const enoughWorkgroups = 128;

/** Rows and vectors of columns that each of 64 threads has, from the fewest reads for each product on. */
const tilings = [
  { rows: 8, columns: 2 },
  { rows: 4, columns: 2 },
  { rows: 4, columns: 1 },
] as const;
const side = 8;
const workgroup = side * side;

/** Tiles of the depth of a product, all but one of which are on their way. */
const stages = 3;

/** How threads compute a product of matrices of float32 by tiles in workgroup memory; undefined for what is too small. */
export function stagedSchedule({ tile, group }: Kernel): Schedule | undefined {
  const { root } = group;
  if (root === undefined || !isMatrixWork(root)) return undefined;
  if (root.op === "attention") return attentionSchedule(tile.axes, root.operands[1]?.type.shape.at(-1) as number);
  const [row, column] = ["m", "o"].map((name) => tile.axes.find((axis) => axis.name === name));
  if (row === undefined || column === undefined) return undefined;
  const others = tile.axes.filter((axis) => axis !== row && axis !== column).reduce((n, a) => n * a.extent, 1);
  const chosen = tilings.find(
    ({ rows, columns }) =>
      Math.ceil(row.extent / (side * rows)) * Math.ceil(column.extent / (side * columns * 4)) * others >=
      enoughWorkgroups,
  );
  if (chosen === undefined) return undefined;
  return {
    plans: {
      m: { threads: side, registers: chosen.rows, vector: 1 },
      o: { threads: side, registers: chosen.columns, vector: 4 },
      c: { threads: 1, registers: 2, vector: 4 },
    },
    stages,
    shuffles: true,
  };
}

/** Numbers of a query that a thread has at least, and of all its queries at most; of its results it has as many. */
const leastHeld = 16;
const mostHeld = 64;

/** Scores that a thread has at a time. */
const scores = 16;

/**
 * Threads that share queries: each has a part of their width and of that of the results, and what they sum of a score is
 * exchanged within a warp. Of a key and a value a thread reads a part for all its queries. Undefined for widths that
 * vectors of four do not divide, for queries of which most threads had none, and for more heads than a grid has.
 */
function attentionSchedule(axes: readonly Variable[], width: number): Schedule | undefined {
  const [query, column] = ["m", "e"].map((name) => axes.find((axis) => axis.name === name));
  const e = column?.extent ?? 0;
  if (query === undefined || e === 0 || width % 4 !== 0 || e % 4 !== 0) return undefined;
  const narrow = Math.min(width, e);
  const threads = [4, 2].find((n) => width % (4 * n) === 0 && e % (4 * n) === 0 && narrow >= n * leastHeld) ?? 1;
  const held = Math.max(width, e) / threads;
  const others = axes.filter((axis) => axis !== query && axis !== column).reduce((n, axis) => n * axis.extent, 1);
  const sharers = workgroup / threads;
  if (held > mostHeld || query.extent < sharers / 2 || others > limits.workgroups) return undefined;
  const tilesOf = (rows: number): number => Math.ceil(query.extent / (sharers * rows));
  // Per key a workgroup reads as long as it computes four rows.
  const costOf = (rows: number): number => tilesOf(rows) * (rows + 4);
  const rows = [4, 2]
    .filter((n) => n * held <= mostHeld && tilesOf(n) * others >= enoughWorkgroups)
    .reduce((best, n) => (costOf(n) < costOf(best) ? n : best), 1);
  return {
    plans: {
      m: { threads: sharers, registers: rows, vector: 1 },
      e: { threads, registers: e / (4 * threads), vector: 4 },
      d: { threads, registers: width / (4 * threads), vector: 4, over: "e" },
      s: { threads: 1, registers: scores / rows, vector: 1 },
    },
    stages: 1,
    shuffles: true,
  };
}
