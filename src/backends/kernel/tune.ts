import { bindCommon } from "./bind.ts";
import type { Kernel } from "./build.ts";
import { type KernelShape, shapeOfKernel } from "./choose-shape.ts";
import { scheduleOf, tileFor } from "./choose.ts";
import { limits } from "./limits.ts";
import { lower } from "./lower.ts";
import type { Schedule } from "./schedule.ts";
import { type Table, type Tile, gpuTable } from "./table.ts";
import type { ThreadKernel } from "./thread.ts";

/** A kernel in one of the ways in which it may be cut. */
export interface Candidate {
  readonly tile: Tile;
  readonly kernel: ThreadKernel;
}

/** Kernels of one shape: what is best for one of them is best for all. */
export interface TunedShape {
  readonly shape: KernelShape;
  /** The first of them, by its module path, and how many there are. */
  readonly name: string;
  readonly count: number;
  /** The table's own is the first. */
  readonly candidates: readonly Candidate[];
}

/** The kernels of a program by shape, each with at most `most` tiles that keep to the limits of every device. */
export function shapesToTune(
  kernels: readonly Kernel[],
  legalize: (kernel: ThreadKernel) => ThreadKernel,
  most: number,
  table: Table = gpuTable,
): readonly TunedShape[] {
  const found = new Map<string, { readonly kernel: Kernel; readonly shape: KernelShape; count: number }>();
  for (const kernel of kernels) {
    const shape = shapeOfKernel(kernel);
    const known = found.get(shape.key);
    if (known === undefined) found.set(shape.key, { kernel, shape, count: 1 });
    else known.count++;
  }
  return [...found.values()].map(({ kernel, shape, count }) => {
    const candidates: Candidate[] = [];
    const seen = new Set<string>();
    let looked = 0;
    for (const tile of variations(tileFor(shape, table))) {
      if (candidates.length === most || looked++ === mostVariations) break;
      const schedule = scheduleOf(shape, tile);
      const key = JSON.stringify(schedule);
      if (seen.has(key)) continue;
      seen.add(key);
      if (unrolledBy(schedule) > maxUnrolled) continue;
      const threads = lower(kernel.tile, schedule);
      if (fits(threads)) candidates.push({ tile, kernel: bindCommon(legalize(threads)) });
    }
    return { shape, name: kernel.tile.name, count, candidates };
  });
}

/** Tiles that are looked at for each shape: of small ones most give schedules that are known. */
const mostVariations = 500;

/** Statements of a thread: beyond, a device takes longer to compile a kernel than it could gain. */
const maxStatements = 1000;

/** The most that a schedule may unroll: a thread of the largest tile that pays has a few thousand. */
export const maxUnrolled = 2 ** 14;

/** Numbers of results that a thread has, times terms of a sum that it takes at a time: lowering makes no more statements of an expression. */
export const unrolledBy = ({ plans }: Schedule): number =>
  Object.values(plans).reduce((n, { registers, vector }) => n * registers * vector, 1);

/** Whether every device takes a kernel, and soon. */
export function fits({ workgroup, grid, shared, body }: ThreadKernel): boolean {
  const bytes = shared.reduce((sum, { length }) => sum + length * 4, 0);
  return (
    workgroup <= limits.threads &&
    bytes <= limits.sharedBytes &&
    grid.every((blocks) => blocks <= limits.workgroups) &&
    statementsOf(body) <= maxStatements
  );
}

const statementsOf = (body: ThreadKernel["body"]): number =>
  body.reduce((n, s) => n + 1 + (s.kind === "for" || s.kind === "if" ? statementsOf(s.body) : 0), 0);

/** A tile, then those that differ in one number by a factor of two, then in two, and so on: the nearest first. */
function* variations(start: Tile): Generator<Tile> {
  const seen = new Set<string>();
  let ring = [start];
  while (ring.length > 0) {
    for (const tile of ring) seen.add(JSON.stringify(tile));
    yield* ring;
    ring = ring.flatMap(neighbours).filter((tile) => {
      const key = JSON.stringify(tile);
      return !seen.has(key) && seen.add(key).size > 0;
    });
  }
}

/** The most of each number: of those that are tried, and of files. The table's own are within. */
export const largest: Tile = {
  rows: 16,
  columns: 4,
  split: 64,
  columnThreads: 64,
  rowThreads: limits.threads,
  unroll: 2,
  depth: 4,
  stages: 1,
};

/** Numbers that may be 0: they are tried one by one, others by factors of two. */
const small = ["unroll", "stages"] as const;

function neighbours(tile: Tile): Tile[] {
  const names = Object.keys(largest) as (keyof Tile)[];
  const isSmall = (name: keyof Tile): boolean => small.some((n) => n === name);
  const changed = names.flatMap((name) =>
    (isSmall(name) ? [tile[name] + 1, tile[name] - 1] : [tile[name] * 2, tile[name] / 2]).map((value) => ({
      ...tile,
      [name]: value,
    })),
  );
  return changed.filter((t) => names.every((name) => t[name] <= largest[name] && t[name] >= (isSmall(name) ? 0 : 1)));
}
