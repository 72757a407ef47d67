import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";
import { mapSize, padToWindows, windowGrid } from "./window.ts";

/** 2x2 neighbours of a map [N, H, W, C] side by side, column by column; zeros complete odd sizes (Swin, section 3.1). */
export function quadrants(s: Scope, x: Value): Value {
  const [n = 1, , , c = 1] = x.type.shape;
  const channels = s.static(c, "the width of a stage");
  const even = padToWindows(s, x, [2, 2]);
  const [rows, columns] = windowGrid(mapSize(x), [2, 2]);
  const cells = s.reshape(even, { shape: [n, rows, 2, columns, 2, channels] });
  const quads = s.transpose(cells, { perm: [0, 1, 3, 4, 2, 5] });
  return s.reshape(quads, { shape: [n, rows, columns, 4 * channels] });
}
