import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { EmittedModel } from "../backends/onnx/emit.ts";
import { supportedOpsets } from "../backends/onnx/model.ts";
import { TimmcError } from "../ir/error.ts";
import type { Pipeline } from "../passes/pass.ts";
import { frameOf } from "./artifact-model.ts";
import { type Artifact, damagedManifest, editedManifest } from "./artifact.ts";
import type { Failure } from "./certificate.ts";
import { type BuildRequest, buildModel, describeArtifact } from "./describe-artifact.ts";
import { modelFiles } from "./layout/layout.ts";
import type { LoweredRequest } from "./lower-request.ts";
import type { Manifest } from "./manifest.ts";
import { pipelineName, pipelineOf } from "./pipeline.ts";
import { type OpenedSource, recordedLowering, sourceHashes } from "./verify-source.ts";
import { numberNotices } from "./weight-numbers.ts";
import { version } from "./version.ts";

/** A field of a manifest that is not what its source and request give. */
interface Difference {
  readonly field: string;
  readonly recorded: unknown;
  readonly given: unknown;
}

/** What this timmc makes of an artifact's source and request. */
export interface Remade {
  readonly differences: readonly Difference[];
  readonly emitted: EmittedModel;
}

/** The pipeline of a manifest. Throws `io` for a request that no timmc of this version records. */
export function recordedPipeline({ folder, manifest: { request, target } }: Artifact): Pipeline {
  try {
    if (!supportedOpsets.includes(target.opset))
      throw new TimmcError("usage", `target.opset is ${target.opset}, which timmc does not write`);
    return pipelineOf(request.optimization, request.passes, { opset: target.opset, ops: request.onnx_ops });
  } catch (error) {
    if (!(error instanceof TimmcError)) throw error;
    throw damagedManifest(folder, error);
  }
}

/**
 * Describes the artifact again from its source, and compares: every field that the source and the request decide. Of a
 * manifest by another version of timmc, what the passes made of the network is left out, since that is the version's.
 */
export async function remake(
  artifact: Artifact,
  source: OpenedSource,
  pipeline: Pipeline,
  signal?: AbortSignal,
): Promise<Remade> {
  const { manifest } = artifact;
  const request = requestOf(manifest);
  const { lowered } = source.lowering;
  const lowering: LoweredRequest = { ...source.lowering, lowered: { ...lowered, graph: lowered.graph.clone().graph } };
  const built = buildModel(request, lowering, source.weights, pipeline);
  const hashes = await sourceHashes(manifest, source);
  const isWhole = isOurs(manifest) && source.weights.kind !== "none";
  const seen = isWhole ? await numberNotices(built.emitted, signal) : [];
  const facts = { ...built, hashes, files: [], numberNotices: seen };
  const given = describeArtifact(request, lowering, source.weights, facts);
  const differences = differencesBetween(comparable(manifest, isOurs(manifest)), comparable(given, isOurs(manifest)));
  const opset = isOurs(manifest) ? opsetOf(artifact, built.emitted) : undefined;
  if (opset !== undefined && opset !== manifest.target.opset)
    differences.unshift({ field: "target.opset", recorded: manifest.target.opset, given: opset });
  return { differences, emitted: built.emitted };
}

const isOurs = ({ compiler }: Manifest): boolean => compiler.version === version;

function requestOf(manifest: Manifest): BuildRequest {
  const { source, request, target } = manifest;
  return {
    model: source.model ?? source.architecture,
    ...recordedLowering(manifest),
    optimization: request.optimization,
    layout: target.layout,
    passes: request.passes,
    opset: target.opset,
    onnxOps: request.onnx_ops,
  };
}

/** The part that is decided by source and request. Sizes and hashes of files are checked where the artifact is loaded. */
function comparable(manifest: Manifest, withPasses: boolean): unknown {
  const { compiler: _, files: __, macs_optimized, graph, passes, notices, ...rest } = manifest;
  const ofVersion = withPasses ? { macs_optimized, graph, passes, notices } : {};
  return JSON.parse(JSON.stringify({ ...rest, ...ofVersion })) as unknown;
}

const isNode = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** The leaves at which two JSON values differ, each with its path. */
export function differencesBetween(recorded: unknown, given: unknown, field = ""): Difference[] {
  if (Object.is(recorded, given)) return [];
  if (!isNode(recorded) || !isNode(given) || Array.isArray(recorded) !== Array.isArray(given))
    return [{ field, recorded, given }];
  const keys = new Set([...Object.keys(recorded), ...Object.keys(given)]);
  return [...keys].flatMap((key) =>
    differencesBetween(recorded[key], given[key], field === "" ? key : `${field}.${key}`),
  );
}

/** The failure of a manifest that does not say what its source and request give. */
export function manifestFailure({ request, target }: Manifest, differences: readonly Difference[]): Failure | null {
  const [first, ...more] = differences;
  if (first === undefined) return null;
  const ops = request.onnx_ops === "standard" ? "" : `, --onnx-ops ${request.onnx_ops}`;
  const asked = `${pipelineName(request.optimization, request.passes)}${ops}, opset ${target.opset}`;
  const others =
    more.length === 0 ? "" : `, and ${more.length} more field${more.length === 1 ? " differs" : "s differ"}`;
  const text = (value: unknown): string => (value === undefined ? "absent" : cut(JSON.stringify(value)));
  return failureOf(
    "manifest",
    `${first.field} is recorded as ${text(first.recorded)} and is ${text(first.given)} of this source and request (${asked})${others}. ${editedManifest}`,
  );
}

const cut = (text: string): string => (text.length > 80 ? `${text.slice(0, 77)}...` : text);

const failureOf = (stage: Failure["stage"], message: string): Failure => ({
  stage,
  pass: null,
  rule: null,
  module: null,
  message,
});

/** The failure of a model file whose nodes are not those that the manifest's request gives, although its outputs are. */
export function frameFailure(artifact: Artifact, { emitted }: Remade): Failure | null {
  if (!isOurs(artifact.manifest)) return null;
  const { head, tail } = frameOf(emitted, modelFiles[artifact.manifest.target.layout]);
  const ends = readEnds(modelPath(artifact), head.length, tail.length);
  if (ends.head.equals(head) && ends.tail.equals(tail)) return null;
  return failureOf(
    "artifact",
    `${artifact.manifest.target.model} computes the right outputs, but not with the nodes that the manifest's request gives: ` +
      "the file or the request was changed. Compile the model again.",
  );
}

/** The operator set of the model file, where it is written as this model is. */
function opsetOf(artifact: Artifact, { model, initializers }: EmittedModel): number | undefined {
  // Nearly always the recorded one.
  return [artifact.manifest.target.opset, ...supportedOpsets].find((opset) => {
    const opsetImports = model.opsetImports.map((i) => (i.domain === "" ? { ...i, version: opset } : i));
    const { tail } = frameOf({ model: { ...model, opsetImports }, initializers }, modelFiles.plain);
    return readEnds(modelPath(artifact), 0, tail.length).tail.equals(tail);
  });
}

const modelPath = ({ folder, manifest }: Artifact): string => join(folder, manifest.target.model);

/** The first and the last bytes of a file, fewer of a shorter one. */
function readEnds(path: string, head: number, tail: number): { readonly head: Buffer; readonly tail: Buffer } {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const read = (length: number, at: number): Buffer => {
      const bytes = Buffer.alloc(Math.min(length, size));
      return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, Math.max(0, at)));
    };
    return { head: read(head, 0), tail: read(tail, size - tail) };
  } finally {
    closeSync(file);
  }
}
