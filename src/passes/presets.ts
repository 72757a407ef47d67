import { deadCode } from "./dead-code.ts";
import { foldInput } from "./fold-input.ts";
import { gates } from "./gates.ts";
import { layout } from "./layout.ts";
import { narrow } from "./narrow.ts";
import type { Pipeline } from "./pass.ts";
import { passOf, rewriting } from "./rewriting.ts";
import { attendToInputs } from "./rules/attend-to-inputs.ts";
import { foldBatchNorm } from "./rules/fold-batch-norm.ts";
import { foldScale } from "./rules/fold-scale.ts";
import { scaleIntoPackedQuery, scaleIntoQuery } from "./rules/scale-into-query.ts";
import { splitBatchNorm } from "./rules/split-batch-norm.ts";

/** Arithmetic on weights alone: what a model computes again and again is computed once. */
const folding: Pipeline = [
  deadCode,
  foldInput,
  rewriting("fold-batch-norm", [foldBatchNorm, splitBatchNorm]),
  passOf(foldScale),
];

/**
 * What every target gains from, in order: -O0 is the zoo's graph, dead code apart; -O1 folds weights; -O2 also computes
 * less and moves less. Narrowing uncovers attention of few queries. A target adds its own passes: see the backends.
 */
export const presets = {
  O0: [deadCode],
  O1: folding,
  O2: [
    ...folding,
    gates,
    narrow,
    rewriting("scale-into-query", [scaleIntoQuery, scaleIntoPackedQuery]),
    passOf(attendToInputs),
    layout,
  ],
} as const satisfies Record<string, Pipeline>;

export type OptimizationLevel = keyof typeof presets;
