import { dataTypeCode } from "../model.ts";
import type { Lowering } from "./context.ts";
import { int } from "./context.ts";

/**
 * Indices along an axis whose extent is known when the model runs: a Range, put along its axis and repeated along the others. Of
 * known extents it is a weight, which no node makes.
 */
export const iota: Lowering<"iota"> = ({ attrs: { axis, dtype, shape } }, c) => {
  const extent = shape[axis] ?? 1;
  const limit = c.emit("Squeeze", [c.shape([extent])]);
  const range = c.emit("Range", [c.scalar(0, "i64"), limit, c.scalar(1, "i64")]);
  const typed = dtype === "i64" ? range : c.emit("Cast", [range], { to: int(dataTypeCode(dtype)) });
  const along = shape.map((_, i) => (i === axis ? -1 : 1));
  const column = shape.length === 1 ? typed : c.emit("Reshape", [typed, c.ints(along)]);
  const others = shape.with(axis, 1);
  return others.every((d) => d === 1) ? column : c.emit("Expand", [column, c.shape(others)]);
};
