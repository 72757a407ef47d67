import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";
import type { Pair } from "./conv.ts";
import { type Size, windowGrid } from "./window.ts";

/** A map [1, C, h, w] side by side until it covers `size`, which is whole multiples of h and w. */
export function tiled(s: Scope, x: Value, size: Size): Value {
  const [, c = 1, h = 1, w = 1] = x.type.shape;
  const own: Pair = [s.static(h, "a tile has a known size"), s.static(w, "a tile has a known size")];
  const [rows, columns] = windowGrid(size, own);
  const cell = s.reshape(x, { shape: [1, c, 1, own[0], 1, own[1]] });
  const repeated = s.expand(cell, { shape: [1, c, rows, own[0], columns, own[1]] });
  return s.reshape(repeated, { shape: [1, c, ...size] });
}
