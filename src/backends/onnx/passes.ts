import { cse } from "../../passes/whole-graph/cse.ts";
import type { Pipeline } from "../../passes/pass.ts";
import { type OptimizationLevel, layoutRules } from "../../passes/presets.ts";
import { passOf, rewriting } from "../../passes/rewriting.ts";
import { meanAsPool } from "../../passes/rules/mean-as-pool.ts";
import { permuteRows } from "../../passes/rules/permute-rows.ts";
import { pointwiseLinear } from "../../passes/rules/pointwise-linear.ts";
import { spreadGate } from "../../passes/rules/spread-gate.ts";

/**
 * What pays under ONNX Runtime and not everywhere, after the passes of every target: its blocked convolutions keep their
 * layout only through some ops. bench/forms measures each choice. Common subexpressions are last, because a value with
 * two uses hides from the other rules.
 */
export const onnxPasses: { readonly [L in OptimizationLevel]: Pipeline } = {
  O0: [],
  O1: [cse],
  O2: [
    passOf(meanAsPool),
    passOf(spreadGate),
    rewriting("pointwise-linear", [pointwiseLinear, ...layoutRules]),
    passOf(permuteRows, "backward"),
    cse,
  ],
};
