import type { Kernel, Program, Stored } from "./build.ts";
import { type Buffer, type Expr, childrenOf } from "./expr.ts";
import { withBuffers } from "./form.ts";
import { variablesOf } from "./index-expr.ts";
import { type Schedule, planOf } from "./schedule.ts";
import type { TileKernel, TileStatement } from "./tile.ts";

/**
 * The program with results in the place of an operand that nobody needs afterwards, where every thread reads of it exactly the
 * elements that it writes: each load of the operand is in what is stored, with the index of the store, outside of sums and masks; every
 * axis is one of that index; and vectors divide the axes, so that none holds an element of another thread. (What a thread computes for another
 * one, where tiles end behind an axis, it neither stores nor loads: see the condition of a store in lower.ts.)
 */
export function inPlace(program: Program, schedules: readonly Schedule[]): Program {
  const places = new Map<Buffer, Buffer>();
  const at = (buffer: Buffer): Buffer => places.get(buffer) ?? buffer;
  const kept = new Set([...program.weights, ...program.outputs.map((o) => o.stored)].map((stored) => stored.buffer));
  const uses = program.kernels.map(({ tile }) => loadsAndStoresOf(tile));
  const last = new Map<Buffer, number>();
  const writers = new Map<Buffer, number>();
  uses.forEach(({ loads, stores }, i) => {
    for (const buffer of loads.keys()) last.set(buffer, i);
    for (const { buffer } of stores) writers.set(buffer, (writers.get(buffer) ?? 0) + 1);
  });
  const kernels = program.kernels.map((kernel, i): Kernel => {
    const { loads, stores } = uses[i] as LoadsAndStores;
    const store = stores.at(-1);
    const schedule = schedules[i];
    if (
      store !== undefined &&
      schedule !== undefined &&
      writers.get(store.buffer) === 1 &&
      isWhole(kernel.tile, store, schedule)
    ) {
      const isFree = (b: Buffer): boolean => !kept.has(b) && last.get(b) === i && !stores.some((s) => s.buffer === b);
      const found = [...loads].find(
        ([b, index]) =>
          index === store.index.key &&
          isFree(b) &&
          b.length === store.buffer.length &&
          b.storage === store.buffer.storage,
      );
      if (found !== undefined) places.set(store.buffer, at(found[0]));
    }
    return {
      ...kernel,
      tile: withBuffers(kernel.tile, at),
      output: moved(kernel.output, at),
      others: (kernel.others ?? []).map((o) => moved(o, at)),
    };
  });
  return {
    ...program,
    kernels,
    outputs: program.outputs.map(({ name, stored }) => ({ name, stored: moved(stored, at) })),
  };
}

const moved = (stored: Stored, at: (b: Buffer) => Buffer): Stored => {
  const { within } = stored;
  if (within === undefined) return { ...stored, buffer: at(stored.buffer) };
  return { ...stored, buffer: at(stored.buffer), within: { ...within, whole: moved(within.whole, at) } };
};

type Store = Extract<TileStatement, { kind: "store" }>;

interface LoadsAndStores {
  /** The index of a buffer's loads where they have one; else something else. */
  readonly loads: ReadonlyMap<Buffer, string>;
  readonly stores: readonly Store[];
}

function loadsAndStoresOf(tile: TileKernel): LoadsAndStores {
  const loads = new Map<Buffer, string>();
  const stores: Store[] = [];
  const expr = (x: Expr, isApart: boolean): void => {
    if (x.kind === "load") {
      const key = isApart || x.mask !== undefined ? "" : x.index.key;
      loads.set(x.buffer, (loads.get(x.buffer) ?? key) === key ? key : "");
    }
    for (const child of childrenOf(x)) expr(child, isApart || x.kind === "reduce");
  };
  const statement = (s: TileStatement): void => {
    if (s.kind === "loop") {
      s.body.forEach(statement);
      for (const { init, next } of s.carried) [init, next].forEach((x) => expr(x, true));
      return;
    }
    expr(s.value, s.kind === "let");
    if (s.kind === "store") stores.push(s);
  };
  tile.body.forEach(statement);
  return { loads, stores };
}

/** Whether a point of the axes is one element that one thread stores. */
function isWhole({ axes }: TileKernel, { index }: Store, schedule: Schedule): boolean {
  const names = variablesOf(index);
  return axes.every(
    (axis) => axis.extent === 1 || (names.has(axis.name) && axis.extent % planOf(schedule, axis).vector === 0),
  );
}
