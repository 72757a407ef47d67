import type { Precision } from "../../passes/precision/precision.ts";

/** How numbers are kept between kernels, which compute in f32 either way. */
export const kernelPrecisions = ["fp32", "fp16"] as const satisfies readonly Precision[];
export type KernelPrecision = (typeof kernelPrecisions)[number];

export const isKernelPrecision = (precision: Precision): precision is KernelPrecision =>
  kernelPrecisions.some((p) => p === precision);
