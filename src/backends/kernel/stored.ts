import { shapeOf } from "./ops/shape.ts";
import type { Value } from "../../ir/value.ts";
import type { Buffer } from "./expr.ts";
import { type Index, add, constant, offset, scale } from "./index-expr.ts";

/** A tensor in memory: its axes from the one with the longest stride to the one whose elements lie next to each other. */
export interface Stored {
  readonly buffer: Buffer;
  readonly value: Value;
  readonly order: readonly number[];
  /** Where it lies in another tensor, of the same order: from a coordinate of an axis on. */
  readonly within?: { readonly whole: Stored; readonly axis: number; readonly from: number };
}

/** Where an element lies in the buffer. */
export function addressOf({ value, order, within }: Stored, index: readonly Index[]): Index {
  if (within !== undefined) {
    const { whole, axis, from } = within;
    return addressOf(whole, index.with(axis, offset(index[axis] ?? constant(0), from)));
  }
  const shape = shapeOf(value);
  let step = 1;
  const parts: Index[] = [];
  for (const axis of order.toReversed()) {
    parts.push(scale(index[axis] ?? constant(0), step));
    step *= shape[axis] ?? 1;
  }
  return add(...parts);
}

/** The tensor that owns the buffer: itself, or the outermost that it lies in. */
export const wholeOf = (stored: Stored): Stored =>
  stored.within === undefined ? stored : wholeOf(stored.within.whole);

export const rowMajor = (value: Value): readonly number[] => value.type.shape.map((_, i) => i);
