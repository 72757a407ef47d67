import { reduction } from "./reduce.ts";

export const reduce_sum = reduction("reduce_sum", "The sum over axes.", 0, (s, x) => s + x);
