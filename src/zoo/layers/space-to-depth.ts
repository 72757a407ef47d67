import { type Dim, floorDivDim, printDim, sameDim, scaleDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Module } from "../scope.ts";

/** Squares of a map as channels, [N, C, H, W] to [N, size size C, H/size, W/size]; rows and columns lead (timm's SpaceToDepth). */
export const spaceToDepth =
  (size = 4): Module =>
  (s, x) => {
    const [n = 1, c = 1, h = 1, w = 1] = x.type.shape;
    const part = (extent: Dim): Dim => {
      const parts = floorDivDim(extent, size);
      if (sameDim(scaleDim(parts, size), extent)) return parts;
      throw new TimmcError("unsupported", `an input of ${printDim(h)}x${printDim(w)} has no whole squares of ${size}`, {
        hint: `choose an --input-size of multiples of ${size}`,
      });
    };
    const [rows, columns] = [part(h), part(w)];
    const cells = s.reshape(x, { shape: [n, c, rows, size, columns, size] });
    const channels = s.static(c, "the channels of squares") * size * size;
    return s.reshape(s.transpose(cells, { perm: [0, 3, 5, 1, 2, 4] }), { shape: [n, channels, rows, columns] });
  };
