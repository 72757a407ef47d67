import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";

/** x over its Euclidean norm along an axis, the last one unless told, which counts as at least 1e-12 (torch's F.normalize). */
export function unitLength(s: Scope, x: Value, axis = -1): Value {
  const length = s.sqrt(s.reduce_sum(s.mul(x, x), { axes: [axis], keep: true }));
  return s.div(x, s.maximum(length, s.scalar(1e-12)));
}
