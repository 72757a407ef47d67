import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";

/**
 * Consecutive parts of x along an axis, the last one unless told, one value per extent (torch.split). The extents sum
 * to the extent of the axis.
 */
export function split<const E extends readonly number[]>(
  s: Scope,
  x: Value,
  extents: E,
  axis = -1,
): { readonly [I in keyof E]: Value } {
  let from = 0;
  const parts = extents.map((extent) => {
    const range = [from, from + extent];
    from += extent;
    return s.slice(x, { axis, range });
  });
  return parts as { readonly [I in keyof E]: Value };
}
