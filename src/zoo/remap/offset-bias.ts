import { TimmcError } from "../../ir/error.ts";
import type { Compute } from "./remap.ts";
import { change, extent } from "./steps.ts";

const side = (entries: number): number => {
  const root = Math.round(Math.sqrt(entries));
  if (root * root !== entries) throw new TimmcError("weights", `${entries} offsets are not those of a square window`);
  return root;
};

/**
 * Tables of biases by absolute offset [heads, h w] at the model's windows: bicubic with antialiasing, as maps (timm's
 * resize_rel_pos_bias_table_levit). Throws TimmcError where a table is not a square window's.
 */
export const offsetBiasToModel = (from: RegExp): Compute =>
  change("resample the offsets", from, (b, x, { target, name }) => {
    const wanted = target.shape(name)?.[1];
    const [heads, entries] = [extent(x, 0), extent(x, 1)];
    if (wanted === undefined || wanted === entries) return x;
    const size = side(wanted);
    const maps = b.reshape(x, { shape: [heads, side(entries), side(entries)] });
    const resized = b.resize(maps, { axes: [1, 2], size: [size, size], mode: "cubic", antialias: true });
    return b.reshape(resized, { shape: [heads, wanted] });
  });
