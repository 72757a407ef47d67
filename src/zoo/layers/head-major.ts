import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";
import { split } from "./split.ts";

/**
 * Queries, keys, values [N, heads, L, width] from tokens [N, L, heads sum(widths)] that hold the parts of each head side
 * by side (LeViT's layout), one value per width.
 */
export function splitByHead<const W extends readonly number[]>(
  s: Scope,
  packed: Value,
  heads: number,
  widths: W,
): { readonly [I in keyof W]: Value } {
  const [n = 1, l = 1] = packed.type.shape;
  const each = widths.reduce((sum, width) => sum + width, 0);
  const byHead = s.reshape(packed, { shape: [n, l, heads, each] });
  return split(s, s.transpose(byHead, { perm: [0, 2, 1, 3] }), widths);
}
