import type { Pipeline } from "../../passes/pass.ts";
import type { OptimizationLevel } from "../../passes/presets.ts";
import { cse } from "../../passes/whole-graph/cse.ts";

/** What pays for kernels and not everywhere, after the passes of every target. */
export const kernelPasses: { readonly [L in OptimizationLevel]: Pipeline } = {
  O0: [],
  O1: [cse],
  O2: [cse],
};
