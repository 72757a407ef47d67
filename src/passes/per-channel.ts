import type { Builder } from "../ir/builder.ts";
import { printType, sameType } from "../ir/type.ts";
import type { Value } from "../ir/value.ts";

/** Where the results of a projection have their channels: a convolution at axis 1, a linear map at the end. */
export const channelAxis = (made: Value): number => (made.op === "conv" ? 1 : made.type.shape.length - 1);

/**
 * Whether an elementwise operation of `made` with a weight treats every channel alike at all positions: broadcast to the
 * shape of `made`, the weight varies at most along the channel axis, and the result (`root`) is no larger than `made`.
 */
export function perChannel(root: Value, made: Value, weight: Value): true | string {
  if (!sameType(root.type, made.type))
    return `the result is ${printType(root.type)}, larger than ${printType(made.type)}`;
  const missing = made.type.shape.length - weight.type.shape.length;
  const other = weight.type.shape.findIndex((d, i) => d !== 1 && i + missing !== channelAxis(made));
  return other < 0 || `${printType(weight.type)} varies along axis ${other + missing}, which is not the channels'`;
}

/** A per-channel weight as a vector [C], or [1] where it is one number. */
export const channelVector = (b: Builder, weight: Value): Value =>
  b.reshape(weight, { shape: [weight.type.shape.find((d) => d !== 1) ?? 1] });

/** A vector along the outputs of a kernel [O, ...], so that it multiplies the kernel row by row. */
export const alongOutputs = (b: Builder, vector: Value, kernel: Value): Value =>
  b.reshape(vector, { shape: kernel.type.shape.map((_, axis) => (axis === 0 ? (vector.type.shape[0] ?? 1) : 1)) });
