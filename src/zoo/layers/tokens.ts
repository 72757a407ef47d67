import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";

/** Token i of [N, L, C], as [N, C]. */
export function tokenAt(s: Scope, x: Value, i: number): Value {
  const [n = 1, , c = 1] = x.type.shape;
  return s.reshape(s.slice(x, { axis: 1, range: [i, i + 1] }), { shape: [n, c] });
}

/** All tokens of [N, L, C] but the first `count`. */
export const dropTokens = (s: Scope, x: Value, count: number): Value =>
  count === 0 ? x : s.slice(x, { axis: 1, range: [count, x.type.shape[1] ?? count] });
