import { join } from "node:path";
import { type EmittedModel, emitOnnx } from "../backends/onnx/emit.ts";
import { tensorByteLength } from "../backends/onnx/model.ts";
import { formatReference } from "../frontend/reference.ts";
import type { ResolvedModel } from "../frontend/resolve.ts";
import { printDim } from "../ir/dim.ts";
import { within } from "../ir/error.ts";
import { count } from "../ir/type.ts";
import type { OptimizationLevel } from "../passes/presets.ts";
import { type Observer, type Pipeline, runPipeline } from "../passes/pass.ts";
import { type ModelFile, type Watch, modelName, writeModel } from "./artifact-model.ts";
import { beginArtifact, manifestName, removeFiles, writeWhole } from "./artifact-files.ts";
import { describeTap } from "./describe-tap.ts";
import { type FormRequest, formsOf } from "./forms.ts";
import { hashFile, identityOf } from "./hash-file.ts";
import { refuseInterrupted } from "./interrupt.ts";
import { type LowerRequest, type LoweredRequest, lowerRequest, withDynamicBatch } from "./lower-request.ts";
import { type Manifest, manifestVersion } from "./manifest.ts";
import { type GraphSize, type PassReport, measureGraph, parameterBytes, reporting } from "./pass-observers.ts";
import { defaultLevel, pipelineName, pipelineOf } from "./pipeline.ts";
import { version } from "./version.ts";
import { type OpenedWeights, type WeightsChoice, openModelWeights, refuseWithheld } from "./weights.ts";

export interface CompileRequest extends LowerRequest, FormRequest, Watch {
  readonly out: string;
  readonly weights?: WeightsChoice | undefined;
  readonly optimization?: OptimizationLevel | undefined;
  /** The passes to run by name and in order, in place of the level's; null is the level's. */
  readonly passes?: readonly string[] | null | undefined;
  /** See each pass from outside. */
  readonly observers?: readonly Observer[] | undefined;
}

/**
 * Compiles a model to an artifact folder and gives its manifest. Throws TimmcError, and then nothing half-written stays.
 * `pipeline` is for callers that hand the same one to `verify`: the manifest does not record where it differs from the request's.
 */
export async function compile(
  request: CompileRequest,
  pipeline: Pipeline = pipelineOf(request.optimization ?? defaultLevel, request.passes, formsOf(request)),
): Promise<Manifest> {
  const { progress, signal } = request;
  progress?.(`lowering ${request.model}`);
  const lowering = await lowerRequest(request);
  const { lowered, resolved } = lowering;
  const weights = openModelWeights(request.weights ?? "pretrained", resolved, lowered);
  try {
    const identity = weights.path === undefined ? undefined : identityOf(weights.path);
    refuseWithheld(lowered, weights);
    const before = measureBefore(lowering, request);
    progress?.(`optimising with ${pipelineName(request.optimization ?? defaultLevel, request.passes)}`);
    const passes: PassReport[] = [];
    runPipeline(lowered.graph, pipeline, [...(request.observers ?? []), reporting(passes, request.batch)]);
    const emitted = emitModel(lowering, weights, request);
    refuseInterrupted(signal);
    await beginArtifact(request.out);
    const files = await writeModel(request.out, emitted, { hasWeights: weights.kind !== "none", signal, progress });
    try {
      const hashes = await hashSources(weights.path, { signal, identity }, resolved);
      const manifest = describe(request, lowering, weights, { before, passes, emitted, files, hashes });
      within(request.out, () =>
        writeWhole(join(request.out, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`),
      );
      return manifest;
    } catch (error) {
      removeFiles(request.out, files);
      throw error;
    }
  } finally {
    weights.close();
  }
}

interface SizeBefore extends GraphSize {
  readonly weightBytes: number;
}

/** Costs are counted on a dynamic batch, as those that timm publishes. */
function measureBefore(lowering: LoweredRequest, request: CompileRequest): SizeBefore {
  const { graph } = withDynamicBatch(lowering, request).lowered;
  return { ...measureGraph(graph), weightBytes: parameterBytes(graph) };
}

function emitModel(
  { lowered, resolved, taps }: LoweredRequest,
  weights: OpenedWeights,
  request: CompileRequest,
): EmittedModel {
  return emitOnnx(lowered.graph, weights.parameters, {
    ...formsOf(request),
    producerVersion: version,
    metadata: [
      ["timmc.architecture", resolved.architecture],
      ["timmc.tag", resolved.tag],
      ["timmc.taps", taps.map((t) => t.name).join(",")],
      ["timmc.weights", weights.kind],
      ["timmc.version", version],
    ],
  });
}

interface SourceHashes {
  readonly weights: string | null;
  readonly config: string | null;
}

/** Of the weight file that was opened, and of a local folder's config.json. */
const hashSources = async (
  path: string | undefined,
  watched: Parameters<typeof hashFile>[1],
  { local }: ResolvedModel,
): Promise<SourceHashes> => ({
  weights: path === undefined ? null : await hashFile(path, watched),
  config: local === undefined ? null : await hashFile(join(local.path, "config.json")),
});

interface Facts {
  readonly hashes: SourceHashes;
  readonly before: SizeBefore;
  readonly passes: readonly PassReport[];
  readonly emitted: EmittedModel;
  readonly files: readonly ModelFile[];
}

function describe(request: CompileRequest, lowering: LoweredRequest, weights: OpenedWeights, facts: Facts): Manifest {
  const { resolved, lowered, taps } = lowering;
  const { opset, ops } = formsOf(request);
  return {
    manifest_version: manifestVersion,
    compiler: { name: "timmc", version },
    source: {
      model: resolved.reference.kind === "local-dir" ? null : formatReference(resolved.reference),
      architecture: resolved.architecture,
      tag: resolved.tag,
      family: resolved.family.name,
      weights: { kind: weights.kind, sha256: facts.hashes.weights },
      config_sha256: facts.hashes.config,
    },
    request: {
      args: request.args ?? {},
      cfg: request.cfg ?? {},
      input_size: resolved.inputSize,
      use_test_size: request.useTestSize ?? false,
      taps: lowering.tapNames,
      batch: request.batch ?? "dynamic",
      optimization: request.optimization ?? defaultLevel,
      passes: request.passes ?? null,
      onnx_ops: ops,
    },
    target: { name: "onnx", model: modelName, opset },
    input: describeInput(resolved, lowering),
    outputs: taps.map(describeTap),
    num_classes: resolved.numClasses,
    labels: labelsOf(resolved),
    params: lowered.parameters.reduce((n, p) => n + (p.kind === "parameter" ? count(p.shape) : 0), 0),
    ...describeSize(lowering, request, facts),
    passes: facts.passes,
    license: resolved.cfg.license,
    notices: [...lowering.notices, ...weights.notices],
    files: facts.files.map((f) => ({ path: f.path, bytes: f.byteLength, sha256: f.sha256 })),
  };
}

/** The network before and after the passes. */
function describeSize(
  { lowered }: LoweredRequest,
  { batch }: CompileRequest,
  { before, emitted: { model, initializers } }: Facts,
): Pick<Manifest, "macs" | "macs_optimized" | "graph"> {
  const after = measureGraph(lowered.graph, batch);
  const stored = initializers.reduce((n, { header }) => n + tensorByteLength(header), 0);
  return {
    macs: before.macs,
    macs_optimized: after.macs,
    graph: {
      nodes: { before: before.nodes, after: after.nodes },
      onnx_nodes: model.nodes.length,
      weight_bytes: { before: before.weightBytes, after: stored },
    },
  };
}

function describeInput({ data }: ResolvedModel, { lowered, preprocess }: LoweredRequest): Manifest["input"] {
  return {
    name: "input",
    dtype: lowered.input.type.dtype,
    shape: lowered.input.type.shape.map((d) => (typeof d === "number" ? d : printDim(d))),
    layout: preprocess ? "NHWC" : "NCHW",
    normalized: preprocess ? "inside" : "outside",
    mean: data.mean,
    std: data.std,
    interpolation: data.interpolation,
    crop_pct: data.cropPct,
    crop_mode: data.cropMode,
  };
}

function labelsOf({ local, numClasses }: ResolvedModel): readonly (string | null)[] | null {
  const names = local?.labelNames;
  if (names === undefined) return null;
  return Array.from({ length: numClasses }, (_, i) => names.get(i) ?? null);
}
