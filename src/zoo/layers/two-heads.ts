import type { Value } from "../../ir/value.ts";
import type { Module, Scope } from "../scope.ts";

/** The mean of a head's scores and those of the second one that a distilled network has (arXiv:2012.12877). */
export function meanOfHeads(s: Scope, x: Value, head: Module | undefined, distilled = true): Value {
  if (!distilled || head === undefined) return s.chain(x, { head });
  return s.mul(s.add(s.call("head", head, x), s.call("head_dist", head, x)), s.scalar(0.5));
}
