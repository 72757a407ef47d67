import type { Pipeline } from "../../passes/pass.ts";
import type { OptimizationLevel } from "../../passes/presets.ts";
import { limits } from "./limits.ts";
import { passOf } from "../../passes/rewriting.ts";
import { cse } from "../../passes/whole-graph/cse.ts";
import { deadCode } from "../../passes/whole-graph/dead-code.ts";
import { poolInParts } from "./rules/pool-in-parts.ts";
import { splitGates } from "./rules/split-gates.ts";
import { splitWideAttention } from "./rules/split-wide-attention.ts";
import { splitWideWeights } from "./rules/split-wide-weights.ts";
import { spreadBatchNorm } from "./rules/spread-batch-norm.ts";
import { unrollLstm } from "./rules/unroll-lstm.ts";

/** What kernels need: ops that none of them computes become others. */
const needed: Pipeline = [
  passOf(splitWideAttention),
  passOf(unrollLstm),
  passOf(splitWideWeights(limits.bindingBytes)),
];

/** What pays for kernels and not everywhere, after the passes of every target. */
export const kernelPasses: { readonly [L in OptimizationLevel]: Pipeline } = {
  O0: needed,
  O1: [...needed, passOf(spreadBatchNorm), cse],
  O2: [...needed, passOf(spreadBatchNorm), splitGates, deadCode, cse, poolInParts],
};
