/**
 * What an artifact keeps its numbers in. fp16: halves, but for what needs float32; int8: 8-bit activations and weights by
 * calibrated ranges; int8-dynamic: ranges of activations measured in every run; int8-weights and int4-weights: activations
 * stay float32.
 */
export const precisions = ["fp32", "fp16", "int8", "int8-dynamic", "int8-weights", "int4-weights"] as const;
export type Precision = (typeof precisions)[number];

/** The precisions that lose something. */
export const reducedPrecisions = precisions.filter((p) => p !== "fp32");
