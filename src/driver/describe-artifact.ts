import { labelNamesOf } from "../frontend/labels.ts";
import { licenceNotices } from "../frontend/licence.ts";
import { formatReference } from "../frontend/reference.ts";
import type { ResolvedModel } from "../frontend/resolve.ts";
import { printDim } from "../ir/dim.ts";
import { count } from "../ir/type.ts";
import { type Pipeline, runPipeline } from "../passes/pass.ts";
import type { ModelFile } from "../backends/write-parts.ts";
import type { CompileRequest } from "./compile.ts";
import { describeOutputs } from "./describe-tap.ts";
import { formsOf } from "./forms.ts";
import { type LoweredRequest, withDynamicBatch } from "./lower-request.ts";
import { type Manifest, manifestVersion } from "./manifest.ts";
import { type GraphSize, type PassReport, measureGraph, parameterBytes, reporting } from "./pass-observers.ts";
import { defaultLevel } from "./pipeline.ts";
import type { Emission } from "./target/target.ts";
import { targetOf } from "./target/targets.ts";
import { version } from "./version.ts";
import type { OpenedWeights } from "./weights.ts";

/** What a request says of the model that is made, wherever it goes. */
export type BuildRequest = Omit<CompileRequest, "out" | "weights">;

/** A model as the passes left it, ready to be written, and how it came about. */
interface BuiltModel {
  readonly before: SizeBefore;
  readonly outputs: Manifest["outputs"];
  readonly passes: readonly PassReport[];
  readonly emission: Emission;
}

/** Runs the pipeline on the lowered graph, which it rewrites, and emits it for the target. Reads no weights. */
export function buildModel(
  request: BuildRequest,
  lowering: LoweredRequest,
  weights: OpenedWeights,
  pipeline: Pipeline,
): BuiltModel {
  const perImage = withDynamicBatch(lowering);
  const before = measureBefore(perImage);
  const outputs = describeOutputs(lowering, perImage);
  const passes: PassReport[] = [];
  runPipeline(lowering.lowered.graph, pipeline, [...(request.observers ?? []), reporting(passes, request.batch)]);
  return { before, outputs, passes, emission: targetOf(request).emit({ lowering, weights, request }) };
}

interface SizeBefore extends GraphSize {
  readonly weightBytes: number;
}

/** Costs are counted on a dynamic batch, as those that timm publishes. */
function measureBefore({ lowered: { graph } }: LoweredRequest): SizeBefore {
  return { ...measureGraph(graph), weightBytes: parameterBytes(graph) };
}

/** Of the weight file, and of a local folder's config.json; null where there is none. */
export interface SourceHashes {
  readonly weights: string | null;
  readonly config: string | null;
}

interface Facts extends BuiltModel {
  readonly hashes: SourceHashes;
  readonly files: readonly ModelFile[];
  /** What was seen in the numbers of the weights when they were written. */
  readonly numberNotices: readonly string[];
}

/** The manifest of a model that was built of this request. */
export function describeArtifact(
  request: BuildRequest,
  lowering: LoweredRequest,
  weights: OpenedWeights,
  facts: Facts,
): Manifest {
  const { resolved, lowered, form } = lowering;
  return {
    manifest_version: manifestVersion,
    compiler: { name: "timmc", version },
    source: {
      model: modelOf(resolved),
      architecture: resolved.architecture,
      tag: resolved.tag,
      family: resolved.family.name,
      weights: { kind: weights.kind, sha256: facts.hashes.weights },
      config_sha256: facts.hashes.config,
      ...(request.calibration !== undefined && { calibration_sha256: request.calibration.sha256 }),
      hub: weights.hub ?? null,
    },
    request: {
      args: request.args ?? {},
      cfg: request.cfg ?? {},
      input_size: resolved.inputSize,
      use_test_size: request.useTestSize ?? false,
      taps: lowering.tapNames,
      tap_format: form.format,
      tap_norm: form.norm,
      softmax: form.softmax,
      batch: request.batch ?? "dynamic",
      optimization: request.optimization ?? defaultLevel,
      passes: request.passes ?? null,
      onnx_ops: facts.emission.onnxNodes === null ? null : formsOf(request).ops,
      ...(request.maxError !== undefined && { max_error: request.maxError }),
    },
    target: facts.emission.target,
    input: describeInput(resolved, lowering),
    outputs: facts.outputs,
    num_classes: resolved.numClasses,
    labels: labelNamesOf(resolved, weights.kind === "pretrained"),
    params: lowered.parameters.reduce((n, p) => n + (p.kind === "parameter" ? count(p.shape) : 0), 0),
    ...describeSize(lowering, request, facts),
    passes: facts.passes,
    license: weights.kind === "pretrained" ? resolved.cfg.license : null,
    notices: [
      ...lowering.notices,
      ...idleTiles(facts.emission.target),
      ...weights.notices,
      ...facts.numberNotices,
      ...licenceNoticesOf(resolved, weights),
    ],
    files: facts.files.map((f) => ({ path: f.path, bytes: f.byteLength, sha256: f.sha256 })),
  };
}

/** Tiles were given, and no kernel has the shape of any. */
const idleTiles = (target: Manifest["target"]): readonly string[] =>
  "tiles" in target && target.tiles !== undefined && Object.keys(target.tiles).length === 0
    ? ["the tuning file has no effect: none of its shapes is that of a kernel of this model"]
    : [];

/** Of weights that somebody trained: a file has most often the pretrained ones, so their licence is said of it too. */
const licenceNoticesOf = (resolved: ResolvedModel, { kind }: OpenedWeights): readonly string[] =>
  kind === "pretrained" || kind === "file" ? licenceNotices(resolved) : [];

/** How `verify` finds the model again: a Hub repository by its commit, since a branch moves. */
function modelOf({ reference, hub }: ResolvedModel): string | null {
  if (reference.kind === "local-dir") return null;
  return formatReference(
    reference.kind === "hf-hub" && hub !== undefined ? { ...reference, revision: hub.commit } : reference,
  );
}

/** The network before and after the passes. */
function describeSize(
  { lowered }: LoweredRequest,
  { batch }: BuildRequest,
  { before, emission }: Facts,
): Pick<Manifest, "macs" | "macs_optimized" | "graph"> {
  const after = measureGraph(lowered.graph, batch);
  return {
    macs: before.macs,
    macs_optimized: after.macs,
    graph: {
      nodes: { before: before.nodes, after: after.nodes },
      onnx_nodes: emission.onnxNodes,
      weight_bytes: { before: before.weightBytes, after: emission.weightBytes },
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
