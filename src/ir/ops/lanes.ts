import { count } from "../type.ts";

/** A view of an array as lanes along one axis: element j of a lane is at `start + j * step`. */
interface Lanes {
  readonly length: number;
  readonly step: number;
  readonly starts: Iterable<number>;
}

export function lanes(shape: readonly number[], axis: number): Lanes {
  const length = shape[axis] ?? 1;
  const step = count(shape.slice(axis + 1));
  const outer = count(shape.slice(0, axis));
  return { length, step, starts: starts(outer, length, step) };
}

function* starts(outer: number, length: number, step: number): Iterable<number> {
  for (let o = 0; o < outer; o++) for (let i = 0; i < step; i++) yield o * length * step + i;
}
