import * as fc from "fast-check";
import {
  type Dim,
  addDim,
  ceilDivDim,
  floorDivDim,
  isStatic,
  mulDim,
  scaleDim,
  substituteDim,
  symbol,
} from "../../src/ir/dim.ts";

/** A dimension beside the plain arithmetic that it stands for. */
export interface Twin {
  readonly dim: Dim;
  readonly value: (sizes: Sizes) => number;
}

export type Sizes = Readonly<Record<"N" | "H" | "W", number>>;

const sum = (a: Twin, b: Twin): Twin => ({ dim: addDim(a.dim, b.dim), value: (s) => a.value(s) + b.value(s) });
const product = (a: Twin, b: Twin): Twin => ({ dim: mulDim(a.dim, b.dim), value: (s) => a.value(s) * b.value(s) });
const scaled = (a: Twin, k: number): Twin => ({ dim: scaleDim(a.dim, k), value: (s) => a.value(s) * k });
const floored = (a: Twin, k: number): Twin => ({
  dim: floorDivDim(a.dim, k),
  value: (s) => Math.floor(a.value(s) / k),
});
const ceiled = (a: Twin, k: number): Twin => ({ dim: ceilDivDim(a.dim, k), value: (s) => Math.ceil(a.value(s) / k) });

export const sizes: fc.Arbitrary<Sizes> = fc.record({
  N: fc.integer({ min: 0, max: 40 }),
  H: fc.integer({ min: 0, max: 40 }),
  W: fc.integer({ min: 0, max: 40 }),
});

const divisor = fc.integer({ min: 1, max: 7 });

/** Expressions over N, H and W, at most three operations deep. */
export const twin: fc.Arbitrary<Twin> = fc.letrec<{ e: Twin }>((tie) => ({
  e: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(
      fc.integer({ min: -9, max: 9 }).map((n): Twin => ({ dim: n, value: () => n })),
      fc
        .constantFrom("N" as const, "H" as const, "W" as const)
        .map((n): Twin => ({ dim: symbol(n), value: (s) => s[n] })),
    ),
    fc.tuple(tie("e"), tie("e")).map(([a, b]) => sum(a, b)),
    fc.tuple(tie("e"), tie("e")).map(([a, b]) => product(a, b)),
    fc.tuple(tie("e"), fc.integer({ min: -6, max: 6 })).map(([a, k]) => scaled(a, k)),
    fc.tuple(tie("e"), divisor).map(([a, k]) => floored(a, k)),
    fc.tuple(tie("e"), divisor).map(([a, k]) => ceiled(a, k)),
  ),
})).e;

/** The number that a dimension has for given sizes. */
export function numberOf(dim: Dim, at: Sizes): number {
  const value = substituteDim(dim, at);
  if (!isStatic(value)) throw new Error(`${value.key} keeps symbols`);
  return value;
}
