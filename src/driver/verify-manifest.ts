import { TimmcError } from "../ir/error.ts";
import type { Pipeline } from "../passes/pass.ts";
import { type Artifact, damagedManifest, editedManifest } from "./artifact.ts";
import type { CalibrationFile } from "./calibrate/calibration-file.ts";
import type { Failure } from "./certificate.ts";
import { type BuildRequest, buildModel, describeArtifact } from "./describe-artifact.ts";
import type { Manifest } from "./manifest.ts";
import { type Many, mapMany } from "./many.ts";
import { pipelineName, pipelineOf } from "./pipeline.ts";
import type { Emission, Source } from "./target/target.ts";
import { targetOf } from "./target/targets.ts";
import { type Difference, differencesBetween } from "./verify-difference.ts";
import { ownFailure } from "./verify-failure.ts";
import { type OpenedSource, recordedLowering, sourceHashes } from "./verify-source.ts";
import { numberNotices } from "./weight-numbers.ts";
import { version } from "./version.ts";

/** What this timmc makes of an artifact's source and request. */
export interface Remade {
  readonly request: BuildRequest;
  readonly differences: readonly Difference[];
  readonly emission: Emission;
}

/** The pipeline of a manifest. Throws `io` for a request that no timmc of this version records. */
export function recordedPipeline({ folder, manifest }: Artifact, calibration: CalibrationFile | undefined): Pipeline {
  const { optimization, passes } = manifest.request;
  try {
    return pipelineOf(optimization, passes, { ...targetOf(manifest.target).requestOf(manifest), calibration });
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
  sources: Many<OpenedSource>,
  pipeline: Pipeline,
  {
    calibration,
    signal,
  }: { readonly calibration?: CalibrationFile | undefined; readonly signal?: AbortSignal | undefined },
): Promise<Remade> {
  const { manifest } = artifact;
  const request: BuildRequest = { ...requestOf(manifest), calibration };
  const [{ lowering, weights }, ...others] = mapMany(sources, sourceOf);
  const built = buildModel(request, lowering, weights, pipeline, others);
  const hashes = await sourceHashes(manifest, sources[0]);
  const isWhole = isOurs(manifest) && weights.kind !== "none";
  const seen = isWhole ? await numberNotices(built.emission.tensors, signal) : [];
  const facts = { ...built, hashes, files: [], numberNotices: seen };
  const given = describeArtifact(request, lowering, weights, facts);
  const differences = differencesBetween(comparable(manifest, isOurs(manifest)), comparable(given, isOurs(manifest)));
  if (isOurs(manifest)) differences.unshift(...built.emission.differences(artifact));
  return { request, differences, emission: built.emission };
}

/** A copy, which passes may rewrite. */
function sourceOf({ artifact, lowering, weights }: OpenedSource): Source {
  const { lowered } = lowering;
  const copy = { ...lowering, lowered: { ...lowered, graph: lowered.graph.clone().graph } };
  return { request: requestOf(artifact.manifest), lowering: copy, weights };
}

const isOurs = ({ compiler }: Manifest): boolean => compiler.version === version;

function requestOf(manifest: Manifest): BuildRequest {
  const { source, request, target } = manifest;
  return {
    model: source.model ?? source.architecture,
    ...recordedLowering(manifest),
    ...targetOf(target).requestOf(manifest),
    optimization: request.optimization,
    passes: request.passes,
  };
}

/** The part that is decided by source and request. Sizes and hashes of files are checked where the artifact is loaded. */
function comparable(manifest: Manifest, withPasses: boolean): unknown {
  const { compiler: _, files: __, macs_optimized, graph, passes, notices, ...rest } = manifest;
  const ofVersion = withPasses ? { macs_optimized, graph, passes, notices } : {};
  return JSON.parse(JSON.stringify({ ...rest, ...ofVersion })) as unknown;
}

/** The failure of a manifest that does not say what its source and request give. */
export function manifestFailure(manifest: Manifest, differences: readonly Difference[]): Failure | null {
  const { request, target } = manifest;
  const [first, ...more] = differences;
  if (first === undefined) return null;
  const { requestOf, forms } = targetOf(target);
  const asked = `${pipelineName(request.optimization, request.passes)}, ${forms(requestOf(manifest)).asked}`;
  const others =
    more.length === 0 ? "" : `, and ${more.length} more field${more.length === 1 ? " differs" : "s differ"}`;
  const text = (value: unknown): string => (value === undefined ? "absent" : cut(JSON.stringify(value)));
  return ownFailure(
    "manifest",
    `${first.field} is recorded as ${text(first.recorded)} and is ${text(first.given)} of this source and request (${asked})${others}. ${editedManifest}`,
  );
}

const cut = (text: string): string => (text.length > 80 ? `${text.slice(0, 77)}...` : text);

/** The failure of files that are not those that the manifest's request gives, although the outputs are right. */
export function fileFailure(artifact: Artifact, { emission }: Remade): Failure | null {
  const mismatch = isOurs(artifact.manifest) ? emission.mismatch(artifact) : null;
  return mismatch === null ? null : ownFailure("artifact", mismatch);
}
