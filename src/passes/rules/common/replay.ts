import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/value.ts";

/**
 * The ops of a row, from behind `from` to `last`, built again on another value: each takes the one before it as its first
 * operand, as a pattern's `chain` matches them, and keeps its other operands.
 */
export function replay(b: Builder, from: Value, last: Value, onto: Value): Value {
  const [first, ...others] = last.operands;
  if (last === from || first === undefined) return onto;
  // Operands and attributes are those of a value of the same op.
  const again = b[last.op] as unknown as (...args: unknown[]) => Value;
  return again(replay(b, from, first, onto), ...others, last.attrs);
}
