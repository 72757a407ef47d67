import type { Stored } from "./build.ts";
import { type Buffer, type Expr, load } from "./expr.ts";
import { offset } from "./index-expr.ts";
import { limits } from "./limits.ts";
import { rebuild } from "./rebuild.ts";
import { type Statement, type ThreadKernel, buffersOf, mapBody } from "./thread.ts";

/** Weights of every program lie one after the other; a binding of several begins at a multiple of this many bytes. */
export const bindingAlignment = 256;
/** Within a binding tensors begin at multiples of a vector of four. */
const tensorAlignment = 16;

const elementBytes = ({ storage }: Buffer): number => (storage === "f16" ? 2 : 4);
export const bytesOf = (buffer: Buffer): number => buffer.length * elementBytes(buffer);
const alignTo = (n: number, by: number): number => Math.ceil(n / by) * by;

/** Where a weight begins in the file, in bytes. */
export interface WeightPlace {
  readonly weight: Stored;
  readonly offset: number;
}

/** The weight file. */
export interface WeightFile {
  /** In the order of the file. */
  readonly places: readonly WeightPlace[];
  readonly offsets: ReadonlyMap<Buffer, number>;
  readonly bytes: number;
}

/**
 * Lays the weights out in the order in which kernels, each given by its buffers, first read them, so that what a kernel reads of them lies
 * side by side. What several kernels read begins where a binding can, and so does what is too much for one binding.
 */
export function placeWeights(weights: readonly Stored[], kernels: readonly (readonly Buffer[])[]): WeightFile {
  const known = new Map(weights.map((w) => [w.buffer, w]));
  const readers = new Map<Buffer, number[]>();
  kernels.forEach((buffers, i) => {
    for (const b of buffers) readers.set(b, [...(readers.get(b) ?? []), i]);
  });
  const offsets = new Map<Buffer, number>();
  let end = 0;
  for (const buffers of kernels) {
    const fresh = buffers.filter((b) => known.has(b) && !offsets.has(b));
    // What the same kernels read, in numbers of one size, is one binding for each of them.
    const alike = new Map<string, Buffer[]>();
    for (const b of fresh) {
      const key = `${readers.get(b)?.join() ?? ""} ${elementBytes(b)}`;
      alike.set(key, [...(alike.get(key) ?? []), b]);
    }
    for (const group of alike.values()) {
      let begin: number | undefined;
      for (const buffer of group) {
        end = alignTo(end, tensorAlignment);
        if (begin === undefined || end + bytesOf(buffer) - begin > limits.bindingBytes)
          begin = end = alignTo(end, bindingAlignment);
        offsets.set(buffer, end);
        end += bytesOf(buffer);
      }
    }
  }
  const places = [...offsets].map(([buffer, at]) => ({ weight: known.get(buffer) as Stored, offset: at }));
  return { places, offsets, bytes: alignTo(end, bindingAlignment) };
}

/** Weights of a kernel that lie next to each other and are bound as one. */
export interface WeightRun {
  readonly members: readonly Buffer[];
  /** In bytes of the weight file. */
  readonly offset: number;
}

/**
 * The weights among a kernel's buffers in the order of the file, cut where others lie between, where numbers have another size, or where
 * they are too much; each run begins where a binding can.
 */
export function runsOf(buffers: readonly Buffer[], { offsets }: WeightFile): readonly WeightRun[] {
  const at = (b: Buffer): number => offsets.get(b) ?? 0;
  const sorted = buffers.filter((b) => offsets.has(b)).sort((a, b) => at(a) - at(b));
  const endOf = (b: Buffer): number => at(b) + bytesOf(b);
  const follows = (b: Buffer, last: Buffer): boolean =>
    last.storage === b.storage && at(b) === alignTo(endOf(last), tensorAlignment);
  // What must stay together, and of these as many as a binding holds.
  const pieces = joined(
    sorted.map((b) => [b]),
    (piece, next) => at(next) % bindingAlignment !== 0 && follows(next, piece.at(-1) as Buffer),
  );
  const runs = joined(
    pieces,
    (run, next, end) => follows(next, run.at(-1) as Buffer) && endOf(end) - at(run[0] as Buffer) <= limits.bindingBytes,
  );
  return runs.map((members) => ({ members, offset: at(members[0] as Buffer) }));
}

/** Lists that are appended to the last one wherever they go with it, by their first and last members. */
function joined(
  lists: readonly (readonly Buffer[])[],
  isWith: (last: readonly Buffer[], first: Buffer, end: Buffer) => boolean,
): readonly (readonly Buffer[])[] {
  const all: Buffer[][] = [];
  for (const list of lists) {
    const last = all.at(-1);
    if (last !== undefined && isWith(last, list[0] as Buffer, list.at(-1) as Buffer)) last.push(...list);
    else all.push([...list]);
  }
  return all;
}

/** The kernel reading runs, given by their members in the kernel, in place of single tensors: it has few bindings. */
export function withRuns(
  kernel: ThreadKernel,
  runs: readonly (readonly Buffer[])[],
): { readonly kernel: ThreadKernel; readonly bound: ReadonlyMap<Buffer, number> } {
  const moves = new Map<Buffer, { readonly run: Buffer; readonly by: number }>();
  const bound = new Map<Buffer, number>();
  runs.forEach((members, i) => {
    const [first] = members;
    if (first === undefined) return;
    const starts: number[] = [];
    let length = 0;
    for (const member of members) {
      const start = alignTo(length, tensorAlignment / elementBytes(member));
      starts.push(start);
      length = start + member.length;
    }
    const run: Buffer = { ...first, length };
    bound.set(run, i);
    members.forEach((member, j) => moves.set(member, { run, by: starts[j] ?? 0 }));
  });
  const body = moveLoads(kernel.body, moves);
  return { kernel: { ...kernel, body, ...buffersOf(body) }, bound };
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
