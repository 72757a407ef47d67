import { type Dim, isStatic, sameDim, subDim } from "../../../ir/dim.ts";
import type { Lowering } from "./context.ts";
import { int, ints, string } from "./context.ts";

/** ONNX clamps the ends of slices; no tensor is as long as this. */
const toTheEnd = 2 ** 31 - 1;

export const concat: Lowering<"concat"> = ({ operands, attrs: { axis } }, c) =>
  c.emit(
    "Concat",
    operands.map((_, i) => c.input(i)),
    { axis: int(axis) },
  );

export const transpose: Lowering<"transpose"> = ({ attrs: { perm } }, c) =>
  c.emit("Transpose", [c.input(0)], { perm: ints(perm) });

export const gather: Lowering<"gather"> = ({ attrs: { axis } }, c) =>
  c.emit("Gather", [c.input(0), c.input(1)], { axis: int(axis) });

/**
 * 0 copies an extent of the operand and one -1 takes what is left, so that shapes with symbols rarely need arithmetic.
 * A static extent of 0 would read as a copy, and the shape is then written in full.
 */
export const reshape: Lowering<"reshape"> = ({ operands, attrs: { shape } }, c) => {
  if (shape.includes(0)) return c.emit("Reshape", [c.input(0), c.shape(shape)], { allowzero: int(1) });
  const from = operands[0]?.type.shape ?? [];
  const open = shape.map((d, i) => !isStatic(d) && !(i < from.length && sameDim(d, from[i] ?? 0)));
  const exact = open.filter(Boolean).length > 1;
  const dims = shape.map((d, i) => (isStatic(d) ? d : open[i] ? -1 : 0));
  return c.emit("Reshape", [c.input(0), exact ? c.shape(shape) : c.ints(dims)]);
};

/** Expand broadcasts both ways: 1 keeps the operand's extent. */
export const expand: Lowering<"expand"> = ({ operands, attrs: { shape } }, c) => {
  const from = operands[0]?.type.shape ?? [];
  const target = shape.map((d, i): Dim => {
    const own = from[i - shape.length + from.length];
    return own !== undefined && sameDim(own, d) ? 1 : d;
  });
  return c.emit("Expand", [c.input(0), c.shape(target)]);
};

/** Bounds at a fixed distance from the end are counted from there. */
export const slice: Lowering<"slice"> = ({ operands, attrs: { axis, range, step } }, c) => {
  const extent = operands[0]?.type.shape[axis] ?? 0;
  const bound = (d: Dim): string => {
    const fromEnd = subDim(d, extent);
    if (isStatic(d) || !isStatic(fromEnd)) return c.shape([d]);
    return c.ints([fromEnd === 0 ? toTheEnd : fromEnd]);
  };
  const [start = 0, end = 0] = range;
  return c.emit("Slice", [c.input(0), bound(start), bound(end), c.ints([axis]), c.ints([step])]);
};

export const pad: Lowering<"pad"> = ({ attrs: { padding, mode, value } }, c) => {
  const fill = mode === "constant" ? [c.scalar(value)] : [];
  return c.emit("Pad", [c.input(0), c.shape(padding), ...fill], { mode: string(mode) });
};

type Reduction = "reduce_max" | "reduce_mean" | "reduce_sum";

/** Axes are an operand of ReduceSum in every opset that timmc writes, and of the others from 18. */
export const reduction =
  (opType: "ReduceMax" | "ReduceMean" | "ReduceSum"): Lowering<Reduction> =>
  ({ attrs: { axes, keep } }, c) => {
    const keepdims = int(keep ? 1 : 0);
    if (opType !== "ReduceSum" && c.opset < 18) return c.emit(opType, [c.input(0)], { axes: ints(axes), keepdims });
    return c.emit(opType, [c.input(0), c.ints(axes)], { keepdims });
  };
