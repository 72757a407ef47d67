import { deadCode } from "./dead-code.ts";
import type { Pipeline } from "./pass.ts";
import { passOf } from "./rule.ts";
import { foldBatchNorm } from "./rules/fold-batch-norm.ts";

/**
 * What every target gains from. -O0 is the zoo's graph, dead code apart; -O1 and -O2 rewrite it. A target adds its own
 * passes: see the backends.
 */
export const presets = {
  O0: [deadCode],
  O1: [deadCode, passOf(foldBatchNorm)],
  O2: [deadCode, passOf(foldBatchNorm)],
} as const satisfies Record<string, Pipeline>;

export type OptimizationLevel = keyof typeof presets;
