import { bytesOf } from "./bindings.ts";
import type { Kernel, Program } from "./build.ts";
import { type Buffer, type Expr, childrenOf } from "./expr.ts";
import type { Index, Variable } from "./index-expr.ts";
import { type Schedule, planOf } from "./schedule.ts";
import type { TileKernel, TileStatement } from "./tile.ts";

/** What one run of a kernel moves and computes. */
export interface Traffic {
  /** Bytes of the arena and of weights that are read, each element once however often it is used. */
  readonly reads: number;
  readonly weights: number;
  readonly writes: number;
  /** Additions, products and functions of numbers; indices are not counted, and equal expressions once. */
  readonly flops: number;
}

export const movedBy = ({ reads, weights, writes }: Traffic): number => reads + weights + writes;

/** What each kernel of a program moves and computes. */
export function trafficOf(program: Program): readonly Traffic[] {
  const weights = new Set(program.weights.map((w) => w.buffer));
  return program.kernels.map(({ tile }) => kernelTraffic(tile, weights));
}

function kernelTraffic(tile: TileKernel, weights: ReadonlySet<Buffer>): Traffic {
  const use = accessesOf(tile);
  const full = (v: Variable): number => v.extent;
  const bytes = (accesses: Accesses, of: (b: Buffer) => boolean): number =>
    [...accesses].reduce((sum, [b, indices]) => sum + (of(b) ? touched(b, indices, full) : 0), 0);
  return {
    reads: bytes(use.loads, (b) => !weights.has(b)),
    weights: bytes(use.loads, (b) => weights.has(b)),
    writes: bytes(use.stores, () => true),
    flops: use.flops,
  };
}

/**
 * Bytes that the workgroups of a kernel read, each its own elements once: what overlapping windows, and rows that several workgroups need,
 * cost of the bandwidth behind the caches.
 */
export function readsByWorkgroups({ tile }: Pick<Kernel, "tile">, schedule: Schedule): number {
  const own = new Map(
    tile.axes.map((axis) => {
      const { threads, registers, vector } = planOf(schedule, axis);
      return [axis.name, Math.min(axis.extent, threads * registers * vector)];
    }),
  );
  const groups = tile.axes.reduce((n, axis) => n * Math.ceil(axis.extent / (own.get(axis.name) ?? 1)), 1);
  const extent = (v: Variable): number => own.get(v.name) ?? v.extent;
  return groups * [...accessesOf(tile).loads].reduce((sum, [b, indices]) => sum + touched(b, indices, extent), 0);
}

/** The indices that a kernel uses of each buffer. */
type Accesses = ReadonlyMap<Buffer, ReadonlyMap<string, Index>>;

function accessesOf(tile: TileKernel): { loads: Accesses; stores: Accesses; flops: number } {
  const loads = new Map<Buffer, Map<string, Index>>();
  const stores = new Map<Buffer, Map<string, Index>>();
  const extents = new Map(tile.axes.map((axis) => [axis.name, axis.extent]));
  const seen = new Set<string>();
  let flops = 0;
  const note = (into: typeof loads, buffer: Buffer, index: Index): void => {
    const known = into.get(buffer) ?? new Map<string, Index>();
    into.set(buffer, known.set(index.key, index));
  };
  const points = (names: Iterable<string>): number => [...names].reduce((n, name) => n * (extents.get(name) ?? 1), 1);
  const expr = (x: Expr): void => {
    if (seen.has(x.key)) return;
    seen.add(x.key);
    if (x.kind === "load") note(loads, x.buffer, x.index);
    if (x.kind === "reduce") {
      for (const axis of x.axes) extents.set(axis.name, axis.extent);
      flops += points(new Set([...x.x.free, ...x.axes.map((axis) => axis.name)]));
    } else if ((x.kind === "unary" || x.kind === "binary") && x.dtype === "f32") flops += points(x.free);
    for (const child of childrenOf(x)) expr(child);
  };
  const statement = (s: TileStatement): void => {
    if (s.kind === "loop") {
      extents.set(s.axis.name, s.axis.extent);
      s.body.forEach(statement);
      for (const { init, next } of s.carried) [init, next].forEach(expr);
      return;
    }
    expr(s.value);
    if (s.kind === "store") note(stores, s.buffer, s.index);
  };
  tile.body.forEach(statement);
  return { loads, stores, flops };
}

/** Bytes of a buffer at some indices: what lies in one range is taken for the same elements. */
function touched(buffer: Buffer, indices: ReadonlyMap<string, Index>, extent: (v: Variable) => number): number {
  const ranges = new Map<string, number>();
  for (const index of indices.values()) {
    const range = `${index.min} ${index.max}`;
    ranges.set(range, Math.max(ranges.get(range) ?? 0, places(index, buffer.length, extent)));
  }
  const elements = [...ranges.values()].reduce((a, b) => a + b, 0);
  return (Math.min(elements, buffer.length) / buffer.length) * bytesOf(buffer);
}

/**
 * How many places of a buffer an index takes, its atoms taken for independent. By growing steps: a term whose step continues the range of the
 * steps before it makes this longer, another one repeats it. No range is longer than the buffer: what a mask leaves out lies beyond.
 */
function places(index: Index, length: number, extent: (v: Variable) => number): number {
  const terms = index.terms
    .map(({ coefficient, atom }) => {
      const own = atom.kind === "variable" ? extent(atom.variable) : spanOf(atom.of, extent, atom);
      return { step: Math.abs(coefficient), count: Math.min(own, atom.max - atom.min + 1) };
    })
    .filter(({ count }) => count > 1)
    .sort((a, b) => a.step - b.step);
  const ranges: { readonly step: number; count: number }[] = [];
  for (const { step, count } of terms) {
    const last = ranges.at(-1);
    const continues = last !== undefined && step % last.step === 0 && step <= last.step * last.count;
    if (continues) last.count = Math.min(last.count + (step / last.step) * (count - 1), Math.ceil(length / last.step));
    else ranges.push({ step, count: Math.min(count, Math.ceil(length / step)) });
  }
  return ranges.reduce((n, { count }) => n * count, 1);
}

/** How many values floor(e / k) or e mod k takes at most. */
function spanOf(e: Index, extent: (v: Variable) => number, { kind, by }: { kind: "div" | "mod"; by: number }): number {
  let width = 0;
  for (const { coefficient, atom } of e.terms) {
    const own = atom.kind === "variable" ? extent(atom.variable) : spanOf(atom.of, extent, atom);
    width += Math.abs(coefficient) * (own - 1);
  }
  return kind === "div" ? Math.floor(width / by) + 1 : Math.min(by, width + 1);
}
