import type { Stored } from "./build.ts";
import { type Buffer, type Expr, load } from "./expr.ts";
import { offset } from "./index-expr.ts";
import { rebuild } from "./rebuild.ts";
import { type Statement, type ThreadKernel, buffersOf, mapBody } from "./thread.ts";

/** Weights of every program lie one after the other; a binding of several begins at a multiple of this many bytes. */
export const bindingAlignment = 256;
/** What a kernel may be given at once, in bytes: every WebGPU device takes so much. */
export const mostBound = 2 ** 27;
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
 * side by side. What several kernels read begins where a binding can.
 */
export function placeWeights(weights: readonly Stored[], kernels: readonly (readonly Buffer[])[]): WeightFile {
  const known = new Map(weights.map((w) => [w.buffer, w]));
  const readers = new Map<Buffer, number>();
  for (const buffers of kernels) for (const b of buffers) readers.set(b, (readers.get(b) ?? 0) + 1);
  const offsets = new Map<Buffer, number>();
  let end = 0;
  for (const buffers of kernels) {
    const fresh = buffers.filter((b) => known.has(b) && !offsets.has(b));
    const shared = fresh.filter((b) => (readers.get(b) ?? 0) > 1);
    const own = fresh.filter((b) => !shared.includes(b));
    // Numbers of another size are another binding, and begin where one can.
    const ownBySize = [4, 2].map((bytes) => own.filter((b) => elementBytes(b) === bytes));
    for (const group of [...shared.map((b) => [b]), ...ownBySize]) {
      if (group.length > 0) end = alignTo(end, bindingAlignment);
      for (const buffer of group) {
        end = alignTo(end, tensorAlignment);
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

/** The weights among a kernel's buffers in the order of the file, cut where others lie between, where numbers have another size, or where they are too much. */
export function runsOf(buffers: readonly Buffer[], { offsets }: WeightFile): readonly WeightRun[] {
  const at = (b: Buffer): number => offsets.get(b) ?? 0;
  const sorted = buffers.filter((b) => offsets.has(b)).sort((a, b) => at(a) - at(b));
  const groups: Buffer[][] = [];
  for (const buffer of sorted) {
    const last = groups.at(-1)?.at(-1);
    const follows = last !== undefined && at(buffer) === alignTo(at(last) + bytesOf(last), tensorAlignment);
    const bytes = at(buffer) + bytesOf(buffer) - at(groups.at(-1)?.[0] ?? buffer);
    if (follows && last.storage === buffer.storage && bytes <= mostBound) groups.at(-1)?.push(buffer);
    else groups.push([buffer]);
  }
  return groups.map((members) => ({ members, offset: at(members[0] as Buffer) }));
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
