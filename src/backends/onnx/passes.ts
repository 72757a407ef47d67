import { cse } from "../../passes/whole-graph/cse.ts";
import type { Pipeline } from "../../passes/pass.ts";
import { type OptimizationLevel, layoutRules } from "../../passes/presets.ts";
import { passOf, rewriting } from "../../passes/rewriting.ts";
import { fuseConv } from "../../passes/rules/fuse-conv.ts";
import { meanAsPool } from "../../passes/rules/mean-as-pool.ts";
import { packHeads } from "../../passes/rules/pack-heads.ts";
import { permuteRows } from "../../passes/rules/permute-rows.ts";
import { pointwiseLinear } from "../../passes/rules/pointwise-linear.ts";
import { spreadGate } from "../../passes/rules/spread-gate.ts";
import type { Forms } from "./forms.ts";
import { takesActivation } from "./rules/fused-conv.ts";
import { packedAttentionSince, takesBias } from "./rules/packed-attention.ts";

/**
 * What pays under ONNX Runtime and not everywhere, after the passes of every target: its blocked convolutions keep their
 * layout only through some ops. bench/forms measures each choice. What an operator of the forms takes in one is put
 * together when the other rules have seen its parts. Common subexpressions are last, because a value with
 * two uses hides from the other rules.
 */
export const onnxPasses = ({ opset, ops }: Forms): { readonly [L in OptimizationLevel]: Pipeline } => ({
  O0: [],
  O1: [cse],
  O2: [
    passOf(meanAsPool),
    passOf(spreadGate),
    rewriting("pointwise-linear", [pointwiseLinear, ...layoutRules]),
    passOf(permuteRows, "backward"),
    ...(opset >= packedAttentionSince ? [passOf(packHeads(takesBias))] : []),
    ...(ops === "ort" ? [rewriting("fuse-conv", fuseConv(takesActivation))] : []),
    cse,
  ],
});
