import { reduction } from "./reduce.ts";

export const reduce_max = reduction("reduce_max", "The largest element over axes.", Number.NEGATIVE_INFINITY, Math.max);
