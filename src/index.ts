/** timmc as a library: what the command line does, step by step. Failures are TimmcError. */
import { type FormRequest, formsOf } from "./driver/forms.ts";
import { pipelineOf } from "./driver/pipeline.ts";
import { benchmarks, listAliases, listArchitectures, listFamilies } from "./frontend/registry.ts";
import { familyOf, pretrainedCfg, pretrainedTags, resolveName } from "./frontend/registry.ts";
import type { Graph } from "./ir/graph.ts";
import { type Observer, type PassRun, runPipeline } from "./passes/pass.ts";
import type { OptimizationLevel } from "./passes/presets.ts";
import { isSupported, supportedFamilies } from "./zoo/registry.ts";

export { type ModelRequest, type ResolvedModel, resolve } from "./frontend/resolve.ts";
export { type LowerRequest, type LoweredRequest, lowerRequest as lower } from "./driver/lower-request.ts";
export { type CompileRequest, compile } from "./driver/compile.ts";
export { type Inspection, type StageReport, inspect } from "./driver/inspect.ts";
export { type VerifyOptions, verify } from "./driver/verify.ts";
export { type ImageReport, type ImageRunOptions, runImages as run } from "./driver/run.ts";
export { type Artifact, loadArtifact } from "./driver/artifact.ts";
export { TimmcError, type ErrorCode } from "./ir/error.ts";
export { printGraph as print } from "./ir/printer.ts";
export { version } from "./driver/version.ts";

export type { Certificate } from "./driver/certificate.ts";
export type { Manifest, ManifestInput, ManifestOutput } from "./driver/manifest.ts";
export type { WeightsChoice } from "./driver/weights.ts";
export type { PretrainedCfg } from "./frontend/pretrained-cfg.ts";
export type { Benchmarks, ResolvedName, SizeBenchmark } from "./frontend/registry.ts";
export type { FormRequest, Graph, Observer, OptimizationLevel, PassRun };

/** Rewrites a graph as `compile` does at this level, or by these passes, for these forms; gives those that ran, with counts. */
export const optimize = (
  graph: Graph,
  level: OptimizationLevel = "O2",
  passes?: readonly string[],
  forms: FormRequest = {},
): PassRun[] => runPipeline(graph, pipelineOf(level, passes, formsOf(forms)));

/** timm's names, tags and published results. */
export const registry = {
  listArchitectures,
  listAliases,
  listFamilies,
  familyOf,
  pretrainedTags,
  pretrainedCfg,
  resolveName,
  benchmarks,
  supportedFamilies,
  isSupported,
} as const;
