import type { Builder } from "../ir/builder.ts";
import { printType, sameType } from "../ir/type.ts";
import type { Value } from "../ir/value.ts";

/**
 * Whether an elementwise operation of x with a weight treats each channel, an index of `axis`, alike at all positions:
 * broadcast to the shape of x, the weight varies at most along that axis, and the result is no larger than x.
 */
export function perChannel(result: Value, x: Value, weight: Value, axis: number): true | string {
  const rank = x.type.shape.length;
  if (!sameType(result.type, x.type))
    return `the result is ${printType(result.type)}, larger than ${printType(x.type)}`;
  const missing = rank - weight.type.shape.length;
  const other = weight.type.shape.findIndex((d, i) => d !== 1 && i + missing !== (axis + rank) % rank);
  return other < 0 || `${printType(weight.type)} varies along axis ${other + missing}, which is not the channels'`;
}

/** A per-channel weight as a vector [C], or [1] where it is one number. */
export const channelVector = (b: Builder, weight: Value): Value =>
  b.reshape(weight, { shape: [weight.type.shape.find((d) => d !== 1) ?? 1] });

/** A vector along the outputs of a kernel [O, ...], so that it multiplies the kernel row by row. */
export const alongOutputs = (b: Builder, vector: Value, kernel: Value): Value =>
  b.reshape(vector, { shape: kernel.type.shape.map((_, axis) => (axis === 0 ? (vector.type.shape[0] ?? 1) : 1)) });
