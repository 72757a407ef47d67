import * as fc from "fast-check";
import type { AttrValue } from "../../../../src/ir/attr.ts";
import { type Dim, symbol } from "../../../../src/ir/dim.ts";
import type { DType } from "../../../../src/ir/dtype.ts";
import type { NdArray } from "../../../../src/ir/ndarray.ts";
import type { HandModel } from "../hand-model.ts";

/** The batch of every case: an operand may have it as an extent and an attribute in a shape. */
export const N = symbol("N");

/** What an operand of a case looks like; its numbers are drawn uniformly from [low, high], whole for integers and bool. */
export interface OperandSpec {
  readonly shape: readonly Dim[];
  readonly dtype: DType;
  readonly weight: boolean;
  readonly low: number;
  readonly high: number;
}

/** One use of an op. */
export interface OpCase {
  readonly operands: readonly (OperandSpec | undefined)[];
  readonly attrs: Readonly<Record<string, AttrValue>>;
}

/** A case with numbers and without symbols, as the hand-written ONNX form takes it. */
export interface Concrete<A> {
  /** ONNX names of the operands, "" for absent ones, and their values. */
  readonly names: readonly string[];
  readonly arrays: readonly (NdArray | undefined)[];
  readonly attrs: A;
  readonly result: NdArray;
}

/** How far results may be from the reference: float32 kernels by what they compute, and float64 rewrites. */
export const tolerances = {
  /** Sums and products of float64 in another order. */
  reordering: { absolute: 1e-12, relative: 1e-12 },
  /** Data movement, comparisons, integers: nothing is rounded. */
  exact: { absolute: 0, relative: 0 },
  /** One rounded operation. */
  arithmetic: { absolute: 1e-7, relative: 2.5e-7 },
  /** Polynomial approximations and compositions of a few roundings: ONNX Runtime's vectorised exp, tanh and erf. */
  transcendental: { absolute: 2e-6, relative: 4e-6 },
  /** Sums of up to some hundred products of numbers of magnitude 1. */
  contraction: { absolute: 1e-5, relative: 1e-5 },
  /** A division by a deviation amplifies the rounding of the numerator. */
  normalisation: { absolute: 4e-5, relative: 2e-5 },
} as const satisfies Record<string, { absolute: number; relative: number }>;

/** How one op is tested. */
export interface Subject<A> {
  readonly tolerance: keyof typeof tolerances;
  readonly cases: fc.Arbitrary<OpCase>;
  /** The op in ONNX's own operators, written from their specification and not from timmc's lowering; gives the result's name. */
  hand(m: HandModel, c: Concrete<A>): string;
}

/** Draws one number, list or choice. */
export class Draw {
  readonly #g: fc.GeneratorValue;

  constructor(g: fc.GeneratorValue) {
    this.#g = g;
  }

  int(min: number, max: number): number {
    return this.#g(fc.integer, { min, max });
  }

  flag(): boolean {
    return this.#g(fc.boolean);
  }

  of<const T>(...values: readonly T[]): T {
    const value = values[this.int(0, values.length - 1)];
    if (value === undefined) throw new RangeError("nothing to draw from");
    return value;
  }

  ints(length: number, min: number, max: number): number[] {
    return Array.from({ length }, () => this.int(min, max));
  }

  /** A shape of N and small extents. */
  shape(minRank: number, maxRank: number, max = 5): Dim[] {
    return [N, ...this.ints(this.int(minRank, maxRank) - 1, 1, max)];
  }

  permutation(n: number): number[] {
    return this.#g(
      fc.shuffledSubarray,
      Array.from({ length: n }, (_, i) => i),
      { minLength: n, maxLength: n },
    );
  }

  subset(n: number): number[] {
    return this.#g(
      fc.shuffledSubarray,
      Array.from({ length: n }, (_, i) => i),
      { minLength: 1, maxLength: n },
    );
  }
}

export const cases = (draw: (d: Draw) => OpCase): fc.Arbitrary<OpCase> => fc.gen().map((g) => draw(new Draw(g)));

type Rest = Partial<Omit<OperandSpec, "shape">>;

/** An operand that runs with the model. */
export const body = (shape: readonly Dim[], rest: Rest = {}): OperandSpec => ({
  shape,
  dtype: "f32",
  weight: false,
  low: -2,
  high: 2,
  ...rest,
});

/** An operand that is a parameter. */
export const weight = (shape: readonly number[], rest: Rest = {}): OperandSpec =>
  body(shape, { weight: true, ...rest });
