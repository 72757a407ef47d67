import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/value.ts";

/** The transpose of the last two axes; of a weight, a weight expression that costs nothing at run time. */
export function swapLast(b: Builder, x: Value): Value {
  const rank = x.type.shape.length;
  const perm = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i));
  return b.transpose(x, { perm });
}
