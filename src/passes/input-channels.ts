import type { Builder } from "../ir/builder.ts";
import { floorDivDim, printShape, sameDim } from "../ir/dim.ts";
import type { Value } from "../ir/value.ts";

/**
 * Whether a weight holds one number, or one per channel (axis 1) of x: what an op of both gives then has the type of x.
 * True, or the reason why not.
 */
export function isPerChannel(weight: Value, x: Value): true | string {
  const [of, by] = [x.type.shape, weight.type.shape];
  const lead = of.length - by.length;
  const fits = by.every((d, i) => sameDim(d, 1) || (i + lead === 1 && sameDim(d, of[1] ?? 0)));
  return (fits && lead >= 0) || `the weight ${printShape(by)} is not one number per channel of ${printShape(of)}`;
}

/**
 * A convolution's kernel [O, C / groups, ...window] times (or by) a weight that `isPerChannel` of its input: output o
 * reads the channels of its group alone, floor(o groups / O).
 */
export function byInputChannel(b: Builder, op: "mul" | "div", kernel: Value, weight: Value, groups: number): Value {
  if (weight.type.shape.every((d) => sameDim(d, 1))) return b[op](kernel, b.reshape(weight, { shape: [] }));
  const [outputs = 0, perGroup = 0, ...window] = kernel.type.shape;
  const behind = [perGroup, ...window.map(() => 1)];
  if (groups === 1) return b[op](kernel, b.reshape(weight, { shape: behind }));
  const split = b.reshape(kernel, { shape: [groups, floorDivDim(outputs, groups), perGroup, ...window] });
  const scaled = b[op](split, b.reshape(weight, { shape: [groups, 1, ...behind] }));
  return b.reshape(scaled, { shape: kernel.type.shape });
}
