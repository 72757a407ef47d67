/** How numbers are kept between kernels, which compute in f32 either way. */
export const precisions = ["fp32", "fp16"] as const;
export type Precision = (typeof precisions)[number];
