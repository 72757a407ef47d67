import type { Pipeline } from "../../passes/pass.ts";
import type { OptimizationLevel } from "../../passes/presets.ts";

/**
 * What pays under ONNX Runtime and not everywhere, after the passes of every target: its blocked convolutions keep their
 * layout only through some ops. bench/forms measures each choice.
 */
export const onnxPasses: { readonly [L in OptimizationLevel]: Pipeline } = { O0: [], O1: [], O2: [] };
