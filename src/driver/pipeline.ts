import { onnxPasses } from "../backends/onnx/passes.ts";
import type { Pipeline } from "../passes/pass.ts";
import { type OptimizationLevel, presets } from "../passes/presets.ts";

/** The passes between lowering and emission. */
export const pipelineOf = (level: OptimizationLevel): Pipeline => [...presets[level], ...onnxPasses[level]];
