import { type Kernel, isMatrixWork } from "./build.ts";
import { type Expr, childrenOf } from "./expr.ts";
import type { Variable } from "./index-expr.ts";
import type { Plan, Schedule } from "./schedule.ts";
import { enoughWorkgroups } from "./staged-schedule.ts";
import type { TileStatement } from "./tile.ts";

/** Warps of a workgroup along rows and columns, and the tile of each warp. */
interface Tiling {
  readonly warps: readonly [rows: number, columns: number];
  readonly tile: readonly [rows: number, columns: number];
}

/** From the one that reads least from memory for each product to those that make more workgroups. */
const tilings: readonly Tiling[] = [
  { warps: [2, 2], tile: [64, 32] },
  { warps: [2, 2], tile: [32, 32] },
  { warps: [4, 1], tile: [16, 32] },
  { warps: [2, 2], tile: [16, 16] },
  { warps: [2, 1], tile: [16, 16] },
];

/** Below this most of a fragment's 16 rows would be empty. */
const fewestRows = 8;

/** Halves of the depth that are copied at once, and how many such tiles there are. */
const depthTile = 32;
const stages = 3;

/** How matrix instructions compute a kernel of halves; undefined for what is no such work. */
export function matrixSchedule({ tile, group }: Kernel): Schedule | undefined {
  const { root } = group;
  if (root === undefined || !isMatrixWork(root) || !tile.body.some(readsHalves)) return undefined;
  if (root.op === "attention") return attentionSchedule(tile.axes, root.operands[1]?.type.shape.at(-1) as number);
  const row = tile.axes.find((axis) => axis.name === "m");
  const column = tile.axes.find((axis) => axis.name === "o");
  if (row === undefined || column === undefined || row.extent < fewestRows) return undefined;
  const others = tile.axes.filter((axis) => axis !== row && axis !== column).reduce((n, a) => n * a.extent, 1);
  const blocksOf = ({ warps, tile: own }: Tiling): number =>
    Math.ceil(row.extent / (warps[0] * own[0])) * Math.ceil(column.extent / (warps[1] * own[1])) * others;
  const chosen = tilings.find((t) => blocksOf(t) >= enoughWorkgroups) ?? tilings.at(-1);
  if (chosen === undefined) return undefined;
  return {
    plans: {
      m: rows(chosen.warps[0], chosen.tile[0]),
      o: columns(chosen.warps[1], chosen.tile[1]),
      c: columns(1, depthTile),
    },
    stages,
    shuffles: true,
  };
}

function readsHalves(s: TileStatement): boolean {
  const has = (x: Expr): boolean => (x.kind === "load" && x.buffer.storage === "f16") || childrenOf(x).some(has);
  return s.kind === "loop" ? s.body.some(readsHalves) || s.carried.some(({ next }) => has(next)) : has(s.value);
}

const rows = (threads: number, extent: number): Plan => ({ threads, registers: extent / 8, vector: 1, matrix: "row" });
const columns = (threads: number, extent: number): Plan => ({
  threads,
  registers: Math.ceil(extent / 16) * 2,
  vector: 2,
  matrix: "column",
});

/** Four warps with 16 queries each against 64 keys at a time. */
function attentionSchedule(axes: readonly Variable[], width: number): Schedule | undefined {
  const queries = axes.find((axis) => axis.name === "m")?.extent ?? 1;
  if (queries < fewestRows) return undefined;
  const warps = Math.min(4, 2 ** Math.ceil(Math.log2(Math.ceil(queries / 16))));
  const e = axes.find((axis) => axis.name === "e")?.extent ?? width;
  return {
    plans: { m: rows(warps, 16), s: columns(1, 64), d: columns(1, width), e: columns(1, e) },
    stages: 1,
    shuffles: true,
  };
}
