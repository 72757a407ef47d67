/** Checkpoints of NesT at the model's size: what timm's filter of the family means to do, under names of the past. */
import { sameShape } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Remap } from "../remap/remap.ts";
import { resample } from "../remap/resample.ts";
import { change, extent } from "../remap/steps.ts";

/** The side of a square of so many. */
function sideOf(count: number, what: string): number {
  const side = Math.round(Math.sqrt(count));
  if (side * side !== count) throw new TimmcError("weights", `${count} ${what} do not make a square`);
  return side;
}

/** Positions [1, blocks, tokens of a block, C] are interpolated as maps, without antialiasing. */
export const remap: Remap = {
  layouts: [],
  tail: [
    change(`${resample} positions`, /^levels\.\d+\.pos_embed$/, (b, x, { target, name }) => {
      const wanted = target.shape(name);
      if (wanted === undefined || sameShape(wanted, x.type.shape)) return x;
      const [blocks, side, width] = [sideOf(extent(x, 1), "blocks"), sideOf(extent(x, 2), "tokens"), extent(x, 3)];
      const [toBlocks, toSide] = [sideOf(wanted[1] ?? 1, "blocks"), sideOf(wanted[2] ?? 1, "tokens")];
      const swap = { perm: [0, 2, 1, 3, 4] };
      const rows = b.transpose(b.reshape(x, { shape: [blocks, blocks, side, side, width] }), swap);
      const map = b.reshape(rows, { shape: [blocks * side, blocks * side, width] });
      const resized = b.resize(map, { axes: [0, 1], size: [toBlocks * toSide, toBlocks * toSide], mode: "cubic" });
      const cells = b.transpose(b.reshape(resized, { shape: [toBlocks, toSide, toBlocks, toSide, width] }), swap);
      return b.reshape(cells, { shape: [1, toBlocks ** 2, toSide ** 2, width] });
    }),
  ],
};
