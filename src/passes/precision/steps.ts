import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/value.ts";
import type { Range } from "./calibration.ts";

/** How the integers 0 to 255 lie on numbers: number = (integer - zero) size. */
export interface Steps {
  readonly size: number;
  readonly zero: number;
}

const top = 255;

/** Steps from the least to the greatest number; 0 is always one of them, since padding and rectifiers give it often. */
export function stepsOf({ low, high }: Pick<Range, "low" | "high">): Steps {
  const [from, to] = [Math.min(low, 0), Math.max(high, 0)];
  const size = Math.fround((to - from) / top);
  return size > 0 ? { size, zero: Math.round(-from / size) } : { size: 1, zero: 0 };
}

/** Integers, and the numbers that they stand for. */
export interface Eight {
  readonly steps: Steps;
  /** u8 */
  readonly integers: Value;
  /** The float that an op of eight bits reads. */
  readonly numbers: Value;
}

const parts = (b: Builder, { size, zero }: Steps) =>
  [b.constant({ values: [size] }), b.constant({ values: [zero], dtype: "u8" })] as const;

/** The integers of numbers. */
export const rounded = (b: Builder, x: Value, steps: Steps): Value => b.quantize(x, ...parts(b, steps), { to: "u8" });

/** Integers with the numbers that they stand for. */
export const eight = (b: Builder, integers: Value, steps: Steps): Eight => ({
  steps,
  integers,
  numbers: b.dequantize(integers, ...parts(b, steps)),
});
