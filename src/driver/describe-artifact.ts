import { labelNamesOf } from "../frontend/labels.ts";
import { licenceNotices } from "../frontend/licence.ts";
import { formatReference } from "../frontend/reference.ts";
import type { ResolvedModel } from "../frontend/resolve.ts";
import { printDim } from "../ir/dim.ts";
import type { Pipeline } from "../passes/pass.ts";
import type { ModelFile } from "../backends/write-parts.ts";
import { type BuiltGraph, buildGraph, describeSize, parameterCount } from "./build-graph.ts";
import type { CompileRequest } from "./compile.ts";
import { formsOf } from "./forms.ts";
import type { LoweredRequest } from "./lower-request.ts";
import { type Manifest, type ManifestSize, manifestVersion } from "./manifest.ts";
import { defaultLevel } from "./pipeline.ts";
import { placeOf } from "./sizes.ts";
import type { Emission, EmittedGraph, Source } from "./target/target.ts";
import { targetOf } from "./target/targets.ts";
import { version } from "./version.ts";
import type { OpenedWeights } from "./weights.ts";

/** What a request says of the model that is made, wherever it goes. */
export type BuildRequest = Omit<CompileRequest, "out" | "weights">;

/** A model as the passes left it, ready to be written, and how it came about. */
interface BuiltModel extends BuiltGraph {
  /** Of an artifact of several sizes, those behind the first. */
  readonly others: readonly BuiltGraph[];
  readonly emission: Emission;
}

/**
 * Runs the pipeline on the lowered graph, which it rewrites, and emits it for the target; of an artifact of several sizes
 * with the graphs of the `others`. Reads no weights.
 */
export function buildModel(
  request: BuildRequest,
  lowering: LoweredRequest,
  weights: OpenedWeights,
  pipeline: Pipeline,
  others: readonly Source[] = [],
): BuiltModel {
  const graph = buildGraph({ request, lowering, weights }, pipeline, request.observers);
  const more = others.map((source) => buildGraph(source, pipeline));
  return { ...graph, others: more, emission: targetOf(request).emit(graph, more) };
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
      ...(lowering.multiple !== undefined && { dynamic_size: lowering.multiple }),
      optimization: request.optimization ?? defaultLevel,
      passes: request.passes ?? null,
      onnx_ops: facts.emission.onnxNodes === null ? null : formsOf(request).ops,
      ...(request.maxError !== undefined && { max_error: request.maxError }),
    },
    target: describeTarget(facts),
    input: describeInput(resolved, lowering),
    outputs: facts.outputs,
    num_classes: resolved.numClasses,
    labels: labelNamesOf(resolved, weights.kind === "pretrained"),
    params: parameterCount(lowered),
    ...describeSize(facts, facts.emission),
    passes: facts.passes,
    license: weights.kind === "pretrained" ? resolved.cfg.license : null,
    notices: [
      ...networkNotices(facts, facts.others),
      ...idleTiles(facts.emission.target),
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
function describeTarget({ emission: { target, sizes }, others, ...first }: Facts): Manifest["target"] {
  if (target.name !== "onnx" || sizes === undefined) return target;
  const graphs = [first, ...others];
  return {
    ...target,
    sizes: sizes.flatMap((emitted, i) => {
      const graph = graphs[i];
      return graph === undefined ? [] : [describeSized(graph, emitted)];
    }),
  };
}

function describeSized(graph: BuiltGraph, emitted: EmittedGraph): ManifestSize {
  const { resolved, lowered } = graph.lowering;
  const [, height, width] = resolved.inputSize;
  const { outputs } = graph;
  const params = parameterCount(lowered);
  return { model: emitted.model, height, width, outputs, params, ...describeSize(graph, emitted) };
}

/** Of the network and its weights; those that the first size has not are said of the size that has them first. */
function networkNotices(first: BuiltGraph, others: readonly BuiltGraph[]): readonly string[] {
  const of = ({ lowering, weights }: BuiltGraph): string[] => [...lowering.notices, ...weights.notices];
  const said = new Set(of(first));
  const more = others.flatMap((graph) => {
    const [, height, width] = graph.lowering.resolved.inputSize;
    return of(graph).flatMap((notice) => {
      if (said.has(notice)) return [];
      said.add(notice);
      return [`${placeOf([height, width])}: ${notice}`];
    });
  });
  return [...of(first), ...more];
}

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
