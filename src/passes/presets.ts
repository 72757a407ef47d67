import { deadCode } from "./dead-code.ts";
import { foldBatchNorm } from "./fold-batch-norm.ts";
import type { Pipeline } from "./pass.ts";

/** -O0 is the zoo's graph, dead code apart; -O1 and -O2 rewrite it. */
export const presets = {
  O0: [deadCode],
  O1: [deadCode, foldBatchNorm, deadCode],
  O2: [deadCode, foldBatchNorm, deadCode],
} as const satisfies Record<string, Pipeline>;

export type OptimizationLevel = keyof typeof presets;
