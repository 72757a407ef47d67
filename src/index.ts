/** timmc as a library: what the command line does, step by step. Failures are TimmcError. */
import { type Artifact, loadArtifact as loadFolder } from "./driver/artifact.ts";
import type { ActivationReport } from "./driver/activation-tally.ts";
import { type Activations, type ActivationsRequest, activations as describeActivations } from "./driver/activations.ts";
import type { BuildOptions } from "./driver/build/library.ts";
import type { BuildSummary } from "./driver/build/summary.ts";
import type { BuildConfig } from "./driver/build/variant.ts";
import {
  type CalibrateReport,
  type CalibrateRequest,
  calibrate as measureRanges,
} from "./driver/calibrate/calibrate.ts";
import type { Certificate } from "./driver/certificate.ts";
import {
  checkActivations,
  checkBuild,
  checkCalibrate,
  checkCompile,
  checkDoctor,
  checkFolder,
  checkInspect,
  checkLower,
  checkOptimize,
  checkResolve,
  checkRun,
  checkVerify,
} from "./driver/check-request.ts";
import { type CompileRequest, compile as compileModel } from "./driver/compile.ts";
import { type DoctorRequest, doctor as diagnose } from "./driver/doctor.ts";
import type { Diagnosis } from "./driver/doctor-report.ts";
import type { FormRequest } from "./driver/forms.ts";
import { type InspectRequest, type Inspection, inspect as inspectModel } from "./driver/inspect.ts";
import { type LowerRequest, type LoweredRequest, lowerRequest } from "./driver/lower-request.ts";
import type { Manifest } from "./driver/manifest.ts";
import { pipelineOf } from "./driver/pipeline.ts";
import { type ImageReport, type ImageRunOptions, runImages } from "./driver/run.ts";
import { type VerifyOptions, verify as verifyFolder } from "./driver/verify.ts";
import { benchmarks, listAliases, listArchitectures, listFamilies } from "./frontend/registry.ts";
import { familyOf, pretrainedCfg, pretrainedTags, resolveName } from "./frontend/registry.ts";
import { type ModelRequest, type ResolvedModel, resolve as resolveModel } from "./frontend/resolve.ts";
import type { Graph } from "./ir/graph.ts";
import { type Observer, type PassRun, runPipeline } from "./passes/pass.ts";
import type { OptimizationLevel } from "./passes/presets.ts";
import { isSupported, supportedFamilies } from "./zoo/registry.ts";

export { defineConfig } from "./driver/build/variant.ts";
export { TimmcError, type ErrorCode } from "./ir/error.ts";
export { printGraph as print } from "./ir/printer.ts";
export { version } from "./driver/version.ts";

export type { BuildConfig, BuildOptions, BuildSummary };
export type { VariantSummary } from "./driver/build/summary.ts";
export type { ParameterReport } from "./driver/doctor-report.ts";
export type { StageReport } from "./driver/inspect.ts";
export type { ManifestInput, ManifestOutput } from "./driver/manifest.ts";
export type { WeightsChoice } from "./driver/weights.ts";
export type { PretrainedCfg } from "./frontend/pretrained-cfg.ts";
export type { Benchmarks, ResolvedName, SizeBenchmark } from "./frontend/registry.ts";
export type {
  Artifact,
  Certificate,
  CompileRequest,
  Diagnosis,
  DoctorRequest,
  ImageReport,
  ImageRunOptions,
  InspectRequest,
  Inspection,
};
export type { LowerRequest, LoweredRequest, Manifest, ModelRequest, ResolvedModel, VerifyOptions };
export type { ActivationReport, Activations, ActivationsRequest };
export type { CalibrateReport, CalibrateRequest };
export { readCalibration } from "./driver/calibrate/read-calibration.ts";
export type { FormRequest, Graph, Observer, OptimizationLevel, PassRun };

// Requests come from programs without a type checker too: each is checked before anything is done.

/** Answers what a reference means. Reads at most the registry and a config.json, never weights. */
export const resolve = async (request: ModelRequest): Promise<ResolvedModel> => resolveModel(checkResolve(request));

/** From a reference to a graph whose outputs are the taps asked for. */
export const lower = async (request: LowerRequest): Promise<LoweredRequest> => lowerRequest(checkLower(request));

/** Everything about a model that needs no weights. */
export const inspect = async (request: InspectRequest): Promise<Inspection> => inspectModel(checkInspect(request));

/** Runs pictures through a network and describes what its stages, or its taps, gave. */
export const activations = async (request: ActivationsRequest): Promise<Activations> =>
  describeActivations(checkActivations(request));

/** Runs pictures through a network and writes the ranges of its values, for `calibration` of a compile. */
export const calibrate = async (request: CalibrateRequest): Promise<CalibrateReport> =>
  measureRanges(checkCalibrate(request));

/** Compiles a model to an artifact folder and gives its manifest. */
export const compile = async (request: CompileRequest): Promise<Manifest> => compileModel(checkCompile(request));

/** Compiles a matrix of variants, a configuration or its file, and tells of each; a variant that fails is a result. */
export async function build(config: string | BuildConfig, options: BuildOptions): Promise<BuildSummary> {
  checkBuild(options);
  const { buildLibrary } = await import("./driver/build/library.ts");
  return buildLibrary(config, options);
}

/** How a weight file fits a model; a file that does not fit is a result, with what explains it. */
export const doctor = async (request: DoctorRequest): Promise<Diagnosis> => diagnose(checkDoctor(request));

/** Opens an artifact folder whose every file is what its manifest says. */
export async function loadArtifact(folder: string): Promise<Artifact> {
  checkFolder("loadArtifact", folder);
  return loadFolder(folder);
}

/** Runs an artifact against its own source, unoptimised; what it measured is the result, also where it failed. */
export async function verify(folder: string, options: VerifyOptions = {}): Promise<Certificate> {
  checkVerify(folder, options);
  return verifyFolder(folder, options);
}

/** Preprocesses pictures as the artifact's manifest says, runs them, and reports on each. */
export async function run(
  folder: string,
  images: readonly string[],
  options: ImageRunOptions = {},
): Promise<ImageReport[]> {
  checkRun(folder, images, options);
  return runImages(folder, images, options);
}

/** Rewrites a graph as `compile` does at this level, or by these passes, for these forms; gives those that ran, with counts. */
export function optimize(
  graph: Graph,
  level: OptimizationLevel = "O2",
  passes?: readonly string[],
  forms: FormRequest = {},
): PassRun[] {
  checkOptimize(level, passes, forms);
  return runPipeline(graph, pipelineOf(level, passes, forms));
}

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
