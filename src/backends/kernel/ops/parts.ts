import type { Value } from "../../../ir/value.ts";
import type { Expr, Local } from "../expr.ts";
import { type Index, type Variable, variable } from "../index-expr.ts";
import type { TileStatement } from "../tile.ts";
import type { Source } from "./point.ts";

/**
 * An op that sums: one kernel, with what goes ahead of it and behind it. The result at `index` is `value`, once the
 * statements have run; an axis that is `passed` is looped over at the end, for each value of the others.
 */
export interface Root {
  readonly axes: readonly Variable[];
  /** Where the result of a point of the axes lies; without, the axes are the result's. */
  readonly index?: readonly Index[];
  readonly statements: readonly TileStatement[];
  readonly value: Expr;
  readonly passed?: Variable;
}

/** How a target wants an op. */
interface RootOptions {
  /** Positions of a map are the rows of one matrix, whatever the window: what matrix instructions want. */
  readonly flat: boolean;
  /** Of a depthwise convolution, how many places of a row come from an axis of their own, `s`, that the kernel passes last. */
  readonly width?: number | undefined;
}

export type RootOf = (
  operands: readonly Source[],
  value: Value,
  shape: readonly number[],
  options: RootOptions,
) => Root;

export const f32 = (name: string, axes: readonly Variable[]): Local => ({ name, dtype: "f32", lanes: 1, axes });

/** Axes named by their letters, `b0`, `b1` ... where there are more. */
export const axesOf = (shape: readonly number[], names: readonly string[]): Variable[] =>
  shape.map((extent, i) => variable(names[i - shape.length + names.length] ?? `b${i}`, extent));

export const given = <T>(x: T | undefined): T => {
  if (x === undefined) throw new RangeError("an operand or an axis is missing");
  return x;
};
