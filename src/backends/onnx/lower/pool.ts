import { isStatic } from "../../../ir/dim.ts";
import type { Value } from "../../../ir/value.ts";
import type { Lowering } from "./context.ts";
import { int, ints } from "./context.ts";

/**
 * Padding never wins a maximum, so an overhanging window is one with more padding behind. Zeros of a pad before the pool
 * can win: ONNX Runtime's PadFusion takes them for padding all the same, which a reshape to the same shape prevents.
 */
export const maxPool: Lowering<"max_pool"> = (value, c) => {
  const { pads, ceilMode } = reach(value);
  const [operand] = value.operands;
  const kept = operand?.op === "pad" ? c.ints(operand.type.shape.map(() => 0)) : undefined;
  const x = kept === undefined ? c.input(0) : c.emit("Reshape", [c.input(0), kept]);
  return c.emit("MaxPool", [x], { ...windows(value), pads: ints(pads), ceil_mode: int(ceilMode) });
};

/**
 * A window of the whole extent is ONNX's global mean. Else torch divides by the positions inside input and padding; the
 * overhang of a ceil window never counts. Without padding that is ONNX's mean that leaves padding out; with padding that
 * counts, those zeros become elements of the input first.
 */
export const avgPool: Lowering<"avg_pool"> = (value, c) => {
  const { kernel, padding, ceil, count_include_pad } = value.attrs;
  const extents = value.operands[0]?.type.shape.slice(2) ?? [];
  if (extents.every((d, i) => d === kernel[i]) && padding.every((p) => p === 0))
    return c.emit("GlobalAveragePool", [c.input(0)]);
  const { pads, ceilMode } = reach(value);
  const counted = count_include_pad && padding.some((p) => p !== 0);
  const attributes = { ...windows(value), ceil_mode: int(ceilMode), count_include_pad: int(counted && !ceil ? 1 : 0) };
  if (!counted || !ceil) return c.emit("AveragePool", [c.input(0)], { ...attributes, pads: ints(pads) });
  const zeros = pads.map((p, i) => Math.min(p, padding[i] ?? 0));
  const rank = zeros.length / 2;
  const everyAxis = [0, 0, ...zeros.slice(0, rank), 0, 0, ...zeros.slice(rank)];
  const x = c.emit("Pad", [c.input(0), c.ints(everyAxis), c.scalar(0)]);
  return c.emit("AveragePool", [x], { ...attributes, pads: ints(pads.map((p, i) => p - (zeros[i] ?? 0))) });
};

type Pool = Value<"max_pool"> | Value<"avg_pool">;

const windows = ({ attrs: { kernel, stride } }: Pool) => ({ kernel_shape: ints(kernel), strides: ints(stride) });

/**
 * How far windows reach: pads as ONNX has them, and its ceil_mode. ONNX has no rule for ceil windows that start behind
 * the input (before opset 22) and runtimes disagree on their divisors, so a static overhang is written as padding,
 * after' = max((out - 1) stride + kernel - extent - before, 0) < kernel, for which floor gives `out`. With symbolic
 * extents no window starts behind the input (C4 of the pools), and ceil_mode is exact.
 */
function reach(value: Pool): { pads: readonly number[]; ceilMode: 0 | 1 } {
  const { kernel, stride, padding, ceil } = value.attrs;
  if (!ceil) return { pads: padding, ceilMode: 0 };
  const extents = value.operands[0]?.type.shape.slice(2) ?? [];
  if (!extents.every(isStatic)) return { pads: padding, ceilMode: 1 };
  const outs = value.type.shape.slice(2);
  const after = extents.map((extent, i) => {
    const out = outs[i];
    const end = ((isStatic(out ?? 1) ? Number(out) : 1) - 1) * (stride[i] ?? 1) + (kernel[i] ?? 1);
    return Math.max(end - extent - (padding[i] ?? 0), 0);
  });
  return { pads: [...padding.slice(0, extents.length), ...after], ceilMode: 0 };
}
