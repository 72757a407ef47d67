import type { Program, Stored } from "./build.ts";
import { type Buffer, type Expr, load } from "./expr.ts";
import { offset } from "./index-expr.ts";
import { rebuild } from "./rebuild.ts";
import { type Statement, type ThreadKernel, buffersOf, mapBody } from "./thread.ts";

/** Weights of every program lie one after the other; a binding of several begins at a multiple of this many bytes. */
export const bindingAlignment = 256;
/** Within a binding tensors begin at multiples of a vector of four. */
const tensorAlignment = 16;

export const elementBytes = ({ storage }: Buffer): number => (storage === "f16" ? 2 : 4);
export const bytesOf = (buffer: Buffer): number => buffer.length * elementBytes(buffer);
const alignTo = (n: number, by: number): number => Math.ceil(n / by) * by;

/** Tensors of the weight file that lie next to each other and are bound as one. */
export interface WeightRun {
  readonly buffer: Buffer;
  /** In bytes of the weight file. */
  readonly offset: number;
}

/** Where a weight begins in the file, in bytes. */
export interface WeightPlace {
  readonly weight: Stored;
  readonly offset: number;
}

/** The weight file, and the kernels reading runs of it in place of single tensors. */
export interface BoundProgram {
  readonly kernels: readonly ThreadKernel[];
  /** The runs that kernels read, by their buffers. */
  readonly runs: ReadonlyMap<Buffer, WeightRun>;
  /** In the order of the file. */
  readonly places: readonly WeightPlace[];
  readonly bytes: number;
}

/**
 * Lays the weights out in the order in which kernels first read them, and binds what a kernel reads of them side by side at once: a
 * kernel has few bindings, and kernels of one shape have one text.
 */
export function bindWeights(program: Program, kernels: readonly ThreadKernel[]): BoundProgram {
  const weights = new Map(program.weights.map((w) => [w.buffer, w]));
  const offsets = new Map<Buffer, number>();
  let end = 0;
  const readers = (buffer: Buffer): number => kernels.filter((k) => k.buffers.includes(buffer)).length;
  for (const kernel of kernels) {
    const fresh = kernel.buffers.filter((b) => weights.has(b) && !offsets.has(b));
    // What several kernels read begins where a binding can.
    const shared = fresh.filter((b) => readers(b) > 1);
    const own = fresh.filter((b) => !shared.includes(b));
    for (const group of [...shared.map((b) => [b]), own]) {
      if (group.length > 0) end = alignTo(end, bindingAlignment);
      for (const buffer of group) {
        end = alignTo(end, tensorAlignment);
        offsets.set(buffer, end);
        end += bytesOf(buffer);
      }
    }
  }
  const runs = new Map<Buffer, WeightRun>();
  const bound = kernels.map((kernel) => {
    const moved = new Map<Buffer, { run: Buffer; by: number }>();
    const own = kernel.buffers.filter((b) => offsets.has(b));
    for (const group of contiguous(own, offsets)) {
      const [first] = group;
      const last = group.at(-1);
      if (first === undefined || last === undefined) continue;
      const from = offsets.get(first) ?? 0;
      const size = elementBytes(first);
      const length = ((offsets.get(last) ?? 0) - from) / size + last.length;
      const run: Buffer = { name: first.name, space: "device", storage: first.storage, length };
      runs.set(run, { buffer: run, offset: from });
      for (const b of group) moved.set(b, { run, by: ((offsets.get(b) ?? 0) - from) / size });
    }
    const body = moveLoads(kernel.body, moved);
    return { ...kernel, body, ...buffersOf(body) };
  });
  const places = [...offsets].map(([buffer, at]) => ({ weight: weights.get(buffer) as Stored, offset: at }));
  return { kernels: bound, runs, places, bytes: alignTo(end, bindingAlignment) };
}

/** Tensors of one type in the order of the file, cut where others lie between. */
function contiguous(buffers: readonly Buffer[], offsets: ReadonlyMap<Buffer, number>): Buffer[][] {
  const sorted = buffers.toSorted((a, b) => (offsets.get(a) ?? 0) - (offsets.get(b) ?? 0));
  const groups: Buffer[][] = [];
  for (const buffer of sorted) {
    const last = groups.at(-1)?.at(-1);
    const at = offsets.get(buffer) ?? 0;
    const follows = last !== undefined && at === alignTo((offsets.get(last) ?? 0) + bytesOf(last), tensorAlignment);
    if (follows && last.storage === buffer.storage) groups.at(-1)?.push(buffer);
    else groups.push([buffer]);
  }
  return groups;
}

type Moves = ReadonlyMap<Buffer, { readonly run: Buffer; readonly by: number }>;

function moveLoads(body: readonly Statement[], moves: Moves): Statement[] {
  const of = (x: Expr): Expr => {
    if (x.kind !== "load") return rebuild(x, of);
    const move = moves.get(x.buffer);
    const mask = x.mask === undefined ? undefined : of(x.mask);
    return move === undefined ? rebuild(x, of) : load(move.run, offset(x.index, move.by), mask, x.lanes, x.dtype);
  };
  return mapBody(body, of);
}
