import { reduction } from "./reduce.ts";

export const reduce_mean = reduction(
  "reduce_mean",
  "The mean over axes.",
  0,
  (s, x) => s + x,
  (s, n) => s / n,
);
