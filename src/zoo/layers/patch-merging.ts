import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";
import { mapSize } from "./window.ts";

/** 2x2 neighbours of a map [N, H, W, C] side by side, column by column; zeros complete odd sizes (Swin, section 3.1). */
export function quadrants(s: Scope, x: Value): Value {
  const [n = 1, , , c = 1] = x.type.shape;
  const channels = s.static(c, "the width of a stage");
  const [down = 0, right = 0] = mapSize(s, x).map((extent) => extent % 2);
  const even = down + right > 0 ? s.pad(x, { padding: [0, 0, 0, 0, 0, down, right, 0] }) : x;
  const [h, w] = mapSize(s, even);
  const cells = s.reshape(even, { shape: [n, h / 2, 2, w / 2, 2, channels] });
  const quads = s.transpose(cells, { perm: [0, 1, 3, 4, 2, 5] });
  return s.reshape(quads, { shape: [n, h / 2, w / 2, 4 * channels] });
}
