import type { Kernel } from "./build.ts";
import { type KernelShape, shapeOfKernel } from "./choose-shape.ts";
import type { Variable } from "./index-expr.ts";
import { limits } from "./limits.ts";
import { type Plan, type Schedule, dimensionOf, scalarPlan, tileOf } from "./schedule.ts";
import { type Table, type Tile, gpuTable } from "./table.ts";

/** Threads and registers for a kernel: the measured tile of its shape, else its class's, as far as the extents allow. */
export function chooseSchedule(kernel: Kernel, table: Table = gpuTable): Schedule {
  const shape = shapeOfKernel(kernel);
  return scheduleOf(shape, table.measured?.[shape.key] ?? tileFor(shape, table));
}

/** Of measured tiles those that kernels have, by their shapes in order. */
export function usedTiles(
  kernels: readonly Kernel[],
  measured: NonNullable<Table["measured"]>,
): NonNullable<Table["measured"]> {
  const keys = [...new Set(kernels.map((kernel) => shapeOfKernel(kernel).key))].toSorted();
  return Object.fromEntries(keys.flatMap((key) => (measured[key] === undefined ? [] : [[key, measured[key]]])));
}

/** Numbers that a thread may hold of its results. */
const maxHeld = 64;

/**
 * A tile that keeps the device busy, from the class's on. Fewer columns cost the fewest reads; threads that share a long sum cost
 * none, and a short one some exchange; then a thread has fewer rows. Where there are far more threads, they copy what they read
 * again to the workgroup's memory.
 */
export function tileFor(shape: KernelShape, { busy, crowded, classes }: Table): Tile {
  const { columns, rows, sums, kind } = shape;
  const most = classes[kind];
  const { workgroup, share: _, ...whole } = most;
  if (kind === "attention") {
    const isCrowded = rows.reduce((n, axis) => n * axis.extent, 1) >= crowded;
    return { ...whole, rowThreads: isCrowded ? workgroup : workgroup / 2, stages: isCrowded ? most.stages : 0 };
  }
  const vector = columns === undefined ? 1 : widest(columns.extent);
  const outputs = [columns?.extent ?? 1, ...rows.map((axis) => axis.extent)].reduce((a, b) => a * b, 1);
  const terms = sums.reduce((n, axis) => n * axis.extent, 1);
  const tile = {
    columns: columns !== undefined && columns.extent % (vector * most.columns) === 0 ? most.columns : 1,
    rows: Math.min(most.rows, floorPower(nearest(rows)?.extent ?? 1)),
    split: 1,
  };
  const threads = (): number => (outputs / (tile.columns * vector * tile.rows)) * tile.split;
  const isIdle = (): boolean => threads() < busy;
  const shareDownTo = (share: number): void => {
    while (isIdle() && tile.split < most.split && terms >= tile.split * 2 * share) tile.split *= 2;
  };
  while (isIdle() && tile.columns > 1) tile.columns /= 2;
  shareDownTo(4 * most.share);
  while (isIdle() && tile.rows > 2) tile.rows /= 2;
  shareDownTo(most.share);
  while (isIdle() && tile.rows > 1) tile.rows /= 2;
  if (kind === "rows") tile.split = Math.min(most.split, floorPower(terms / most.share));
  const room = Math.max(1, most.workgroup / tile.split);
  const columnTiles = columns === undefined ? 1 : columns.extent / (vector * tile.columns);
  const columnThreads = Math.min(most.columnThreads, ceilPower(columnTiles), floorPower(room));
  const stages = tile.split === 1 && threads() >= crowded ? most.stages : 0;
  const depth = stages > 0 ? most.depth : 1;
  return { ...tile, columnThreads, rowThreads: Math.max(1, room / columnThreads), unroll: most.unroll, depth, stages };
}

/** The schedule of a tile, within the extents of the axes and the limits of a device. */
export function scheduleOf(shape: KernelShape, tile: Tile): Schedule {
  const { columns, rows, sums, kind, together } = shape;
  if (kind === "attention") return attentionSchedule(shape, tile);
  const plans = new Map<string, Plan>();
  let split = tile.split;
  for (const axis of sums.toSorted((a, b) => b.extent - a.extent)) {
    const inWindow = windowAxes.indexOf(axis.name);
    const unrolled = inWindow >= 0 && inWindow < tile.unroll;
    const vector = isContiguous(axis, shape) && (inWindow < 0 || unrolled) ? widest(axis.extent) : 1;
    const threads = isShared(axis, shape) && !unrolled ? Math.min(split, ceilPower(axis.extent / vector)) : 1;
    split /= threads;
    const deep = axis.name === "c" ? Math.min(tile.depth, Math.floor(axis.extent / (vector * threads))) : 1;
    const registers = unrolled ? axis.extent / vector : Math.max(1, deep);
    if (threads * registers * vector > 1) plans.set(dimensionOf(axis), { threads, registers, vector });
  }
  const near = nearest(rows);
  const across = columns === undefined ? undefined : columnPlan(columns, tile);
  let left = Math.floor((tile.rowThreads * tile.columnThreads) / (across?.threads ?? 1));
  const along: [string, Plan][] = [];
  for (const axis of rows) {
    const registers = axis === near ? Math.min(tile.rows, axis.extent) : 1;
    const tiles = Math.ceil(axis.extent / registers);
    // All at once, so that the sum is brought together once.
    if (axis === together)
      left = Math.max(left, Math.min(ceilPower(tiles), floorPower(limits.threads / (across?.threads ?? 1))));
    const threads = fittingThreads(tiles, left, tile.split > 1 || axis === together);
    left = Math.floor(left / threads);
    if (threads * registers > 1) along.push([dimensionOf(axis), { threads, registers, vector: 1 }]);
  }
  for (const [name, plan] of along.toReversed()) plans.set(name, plan);
  if (columns !== undefined && across !== undefined) plans.set(dimensionOf(columns), across);
  const ordered = kind === "rows" ? passesLast(plans) : plans;
  return { plans: Object.fromEntries(withinGrid(shape, ordered)), ...(tile.stages > 0 && { stages: tile.stages }) };
}

const windowAxes = ["kx", "ky", "kz"];

/** Threads that pass a row together read what lies side by side. */
const passesLast = (plans: ReadonlyMap<string, Plan>): Map<string, Plan> =>
  new Map([...plans].toSorted(([a], [b]) => Number(a === "c") - Number(b === "c")));

/** Threads along columns: as many for each block as it takes, where no sums are brought together by halves. */
function columnPlan({ extent }: Variable, { columns, columnThreads, split }: Tile): Plan {
  const vector = widest(extent);
  const registers = Math.min(columns, Math.floor(maxHeld / vector), extent / vector);
  const tiles = Math.ceil(extent / (vector * registers));
  const threads = Math.ceil(tiles / Math.ceil(tiles / columnThreads));
  return { threads: split > 1 ? Math.min(columnThreads, ceilPower(tiles)) : threads, registers, vector };
}

/** A thread has a query with all its columns: it passes the keys, some at a time, and keeps its query and what it sums. */
function attentionSchedule(shape: KernelShape, tile: Tile): Schedule {
  const { columns, rows, sums } = shape;
  const plans = new Map<string, Plan>();
  for (const axis of sums)
    if (axis.name === "d") plans.set("d", widthPlan(axis));
    else plans.set(axis.name, { threads: 1, registers: Math.min(tile.rows, axis.extent), vector: 1 });
  // Threads of one head read the same keys; those of several would have tiles for each.
  let left = tile.rowThreads;
  let isShared = true;
  for (const axis of rows.toSorted((a, b) => Number(b.name === "m") - Number(a.name === "m"))) {
    const threads = fittingThreads(axis.extent, left);
    left = Math.floor(left / threads);
    isShared &&= threads === 1 || axis.name === "m";
    if (threads > 1) plans.set(dimensionOf(axis), { threads, registers: 1, vector: 1 });
  }
  if (columns !== undefined) {
    const vector = widest(columns.extent);
    plans.set(dimensionOf(columns), { threads: 1, registers: columns.extent / vector, vector });
  }
  const stages = isShared ? tile.stages : 0;
  return { plans: Object.fromEntries(withinGrid(shape, plans)), ...(stages > 0 && { stages }) };
}

/** All of a query in registers, or an equal part of it at a time. */
function widthPlan({ extent }: Variable): Plan {
  const vector = widest(extent);
  let parts = 1;
  while (extent / parts > maxHeld || extent % (parts * vector) !== 0) parts++;
  return { threads: 1, registers: extent / (parts * vector), vector };
}

/** The row axis that registers lie along. */
const nearest = (rows: readonly Variable[]): Variable | undefined => rows.find((axis) => axis.extent > 1);

/** Whether several threads may share the terms along an axis: of products those of the depth, of pictures' those of a window. */
const isShared = (axis: Variable, { kind }: KernelShape): boolean =>
  kind === "pool" || kind === "reduction" || axis.name.startsWith(kind === "stem" ? "k" : "c");

/** Whether what is read lies next to each other along an axis: maps have channels last, pictures their columns. */
const isContiguous = (axis: Variable, { kind, columns }: KernelShape): boolean =>
  kind === "stem" ? axis.name === "kx" : axis.name.startsWith("c") && !(kind === "rows" && columns !== undefined);

/** The most threads, or the greatest power of two, for some tiles of an axis of which at most a seventh of the work is lost. */
function fittingThreads(tiles: number, most: number, isPower = false): number {
  let best = 1;
  for (let threads = 2; threads <= Math.min(most, ceilPower(tiles)); threads += isPower ? threads : 1)
    if (Math.ceil(tiles / threads) * threads <= tiles * 1.15) best = threads;
  return best;
}

/** Where an axis would have more blocks than a dispatch can have, a block has more of it: threads, as long as there may be more. */
function withinGrid({ axes }: KernelShape, plans: Map<string, Plan>): Map<string, Plan> {
  const blocks = (axis: Variable): number =>
    Math.ceil(axis.extent / tileOf(plans.get(dimensionOf(axis)) ?? scalarPlan));
  const [x, y, ...others] = axes.toReversed();
  for (const together of [[x], [y], others]) {
    const own = together.filter((axis) => axis !== undefined);
    while (own.reduce((n, axis) => n * blocks(axis), 1) > limits.workgroups) {
      const longest = own.reduce((a, b) => (blocks(b) > blocks(a) ? b : a));
      const plan = plans.get(dimensionOf(longest)) ?? scalarPlan;
      const room = [...plans.values()].reduce((n, { threads }) => n * threads, 2) <= limits.threads;
      const more = room ? { threads: plan.threads * 2 } : { registers: plan.registers * 2 };
      plans.set(dimensionOf(longest), { ...plan, ...more });
    }
  }
  return plans;
}

const widest = (extent: number): 1 | 2 | 4 => (extent % 4 === 0 ? 4 : extent % 2 === 0 ? 2 : 1);
const floorPower = (n: number): number => 2 ** Math.floor(Math.log2(Math.max(1, n)));
const ceilPower = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)));
