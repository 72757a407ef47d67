import type { Builder } from "../../../ir/builder.ts";
import { type Dim, floorDivDim } from "../../../ir/dim.ts";
import { printType } from "../../../ir/type.ts";
import type { Value } from "../../../ir/value.ts";

/** The axis of the channels that a convolution or linear map reads and makes. */
export const channelAxis = (projection: Value): number => (projection.op === "conv" ? 1 : -1);

/**
 * Whether a weight holds one number, or one per channel (index of `axis`) of x: an elementwise operation of both treats
 * each channel alike at all positions, and its result has the type of x. True, or the reason why not.
 */
export function perChannel(x: Value, weight: Value, axis: number): true | string {
  const [of, by] = [x.type.shape, weight.type.shape];
  const missing = of.length - by.length;
  const channels = axis < 0 ? axis + of.length : axis;
  const other = by.findIndex((d, i) => d !== 1 && i + missing !== channels);
  if (other >= 0) return `${printType(weight.type)} varies along axis ${other + missing}, which is not the channels'`;
  const own = by[channels - missing] ?? 1;
  const fits = missing >= 0 && (own === 1 || own === of[channels]);
  return fits || `${printType(weight.type)} makes ${printType(x.type)} larger`;
}

/** How many numbers a weight that is `perChannel` holds: one, or one per channel. */
const widthOf = (weight: Value): Dim => weight.type.shape.find((d) => d !== 1) ?? 1;

/** A kernel [O, ...] times a weight that is `perChannel` of its output. */
export function scaleOutputs(b: Builder, kernel: Value, weight: Value): Value {
  const shape = kernel.type.shape.map((_, axis) => (axis === 0 ? widthOf(weight) : 1));
  return b.mul(kernel, b.reshape(weight, { shape }));
}

/** A bias [O] times a weight that is `perChannel` of the output. */
export const scaleBias = (b: Builder, bias: Value, weight: Value): Value =>
  b.mul(bias, b.reshape(weight, { shape: [widthOf(weight)] }));

/**
 * A kernel [O, C / groups, ...window], or matrix [O, C], times (or by) a weight that is `perChannel` of its input: output
 * o reads the channels of its group alone, floor(o groups / O).
 */
export function scaleInputs(b: Builder, op: "mul" | "div", kernel: Value, weight: Value, groups: number): Value {
  if (widthOf(weight) === 1) return b[op](kernel, b.reshape(weight, { shape: [] }));
  const [outputs = 0, perGroup = 0, ...window] = kernel.type.shape;
  const behind = [perGroup, ...window.map(() => 1)];
  if (groups === 1) return b[op](kernel, b.reshape(weight, { shape: behind }));
  const split = b.reshape(kernel, { shape: [groups, floorDivDim(outputs, groups), perGroup, ...window] });
  const scaled = b[op](split, b.reshape(weight, { shape: [groups, 1, ...behind] }));
  return b.reshape(scaled, { shape: kernel.type.shape });
}
