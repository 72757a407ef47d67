import { join } from "node:path";
import { HubError } from "../frontend/hub/error.ts";
import type { HubAccess } from "../frontend/hub/model.ts";
import { formatReference, parseReference } from "../frontend/reference.ts";
import { locate } from "../frontend/resolve.ts";
import { TimmcError, within } from "../ir/error.ts";
import { type Artifact, damagedManifest } from "./artifact.ts";
import { type SizedArtifact, artifactSizes } from "./artifact-sizes.ts";
import type { CalibrationFile } from "./calibrate/calibration-file.ts";
import { readCalibration } from "./calibrate/read-calibration.ts";
import type { SourceHashes } from "./describe-artifact.ts";
import { hashFiles } from "./hash-file.ts";
import { type LowerRequest, type LoweredRequest, lowerRequest } from "./lower-request.ts";
import type { Manifest } from "./manifest.ts";
import { type Many, mapMany } from "./many.ts";
import { targetOf } from "./target/targets.ts";
import { type OpenedWeights, type WeightsChoice, openSharedWeights } from "./weights.ts";

/** What the manifest only knows by its hash: a local folder, a weight file. */
export interface GivenSource extends HubAccess {
  readonly model?: string | undefined;
  readonly weights?: string | undefined;
  /** The path of the calibration file. */
  readonly calibration?: string | undefined;
}

export interface OpenedSource {
  /** The artifact, or one of its sizes. */
  readonly artifact: SizedArtifact;
  readonly lowering: LoweredRequest;
  /** The caller closes them, once for all sizes. */
  readonly weights: OpenedWeights;
}

/**
 * Finds what an artifact was compiled from and lowers it anew for each of its sizes, with nothing rewritten. Throws `usage`
 * where the source must be given and is not, `config` or `weights` where it is not the one that the manifest's hashes mean.
 */
export async function reopenSources(artifact: Artifact, given: GivenSource): Promise<Many<OpenedSource>> {
  const { folder, manifest } = artifact;
  const model = within(folder, () => referenceOf(manifest, given));
  const lowerings = await lowerAgain(artifact, model, given);
  try {
    await requireSameModel(manifest, lowerings[0].lowering);
    return await openAgain(manifest, lowerings, given);
  } catch (error) {
    throw error instanceof TimmcError ? error.within(folder) : error;
  }
}

type SizedLowering = Pick<OpenedSource, "artifact" | "lowering">;

/** A request that is refused although nobody gave a source is the manifest's fault. */
async function lowerAgain(artifact: Artifact, model: string, given: GivenSource): Promise<Many<SizedLowering>> {
  const { folder, manifest } = artifact;
  try {
    const { layout } = targetOf(manifest.target).requestOf(manifest);
    const named = await locate(parseReference(model), accessOf(given));
    const lower = async (sized: SizedArtifact): Promise<SizedLowering> => {
      const request = { model, ...recordedLowering(sized.manifest), ...accessOf(given) };
      return { artifact: sized, lowering: await lowerRequest(request, layout, named) };
    };
    const [first, ...others] = artifactSizes(artifact);
    return [await lower(first), ...(await Promise.all(others.map(lower)))];
  } catch (error) {
    if (!(error instanceof TimmcError)) throw error;
    const isDamage = error.code !== "invalid-ir" && error.code !== "interrupted" && !(error.cause instanceof HubError);
    throw given.model === undefined && isDamage ? damagedManifest(folder, error) : error.within(folder);
  }
}

/** What a manifest records of the lowering: all of the request but the model. */
export const recordedLowering = ({ request, input }: Manifest): Omit<LowerRequest, "model"> => ({
  args: request.args,
  cfg: Object.keys(request.cfg).length > 0 ? request.cfg : undefined,
  inputSize: request.input_size,
  useTestSize: request.use_test_size,
  taps: request.taps,
  tapFormat: request.tap_format,
  tapNorm: request.tap_norm,
  softmax: request.softmax,
  batch: request.batch,
  dynamicSize: request.dynamic_size,
  preprocess: input.normalized === "inside",
});

const accessOf = ({ cacheDir, signal, progress, note }: HubAccess): HubAccess => ({ cacheDir, signal, progress, note });

async function openAgain(
  manifest: Manifest,
  lowerings: Many<SizedLowering>,
  given: GivenSource,
): Promise<Many<OpenedSource>> {
  const models = mapMany(lowerings, (sized) => ({ ...sized, ...modelOf(sized), place: sized.artifact.place }));
  const sources = await openSharedWeights(weightsChoice(manifest, given), models, {
    ...accessOf(given),
    pinned: manifest.source.hub ?? undefined,
  });
  const [{ weights }] = sources;
  try {
    const { sha256 } = manifest.source.weights;
    if (sha256 !== null) await requireHash(weights.files, sha256, "weights");
    return sources;
  } catch (error) {
    weights.close();
    throw error;
  }
}

const modelOf = ({ lowering: { resolved, lowered } }: SizedLowering) => ({ resolved, lowered });

/** The hashes of an opened source; those that the manifest records were compared when it was opened. */
export async function sourceHashes(
  { source }: Manifest,
  { lowering: { resolved }, weights }: OpenedSource,
): Promise<SourceHashes> {
  const { sha256 } = source.weights;
  return {
    weights: weights.files.length === 0 ? null : (sha256 ?? (await hashFiles(weights.files))),
    config: resolved.local === undefined ? null : source.config_sha256,
  };
}

/** Everything that a manifest knows only by its hash and that is not given. */
function notGiven({ source }: Manifest, given: GivenSource): TimmcError {
  const missing = [
    {
      lacks: source.model === null && given.model === undefined,
      what: "a local folder",
      option: "--model local-dir:FOLDER",
    },
    {
      lacks: source.weights.kind === "file" && given.weights === undefined,
      what: "a weight file",
      option: "--weights FILE",
    },
    {
      lacks: source.calibration_sha256 !== undefined && given.calibration === undefined,
      what: "a calibration file",
      option: "--calibration FILE",
    },
  ].filter(({ lacks }) => lacks);
  const listed = missing
    .map(({ what }) => what)
    .join(", ")
    .replace(/, ([^,]*)$/, " and $1");
  return new TimmcError("usage", `the artifact was compiled from ${listed}, of which the manifest keeps hashes`, {
    hint: `Name what it was compiled from: ${missing.map(({ option }) => option).join(" ")}`,
  });
}

function referenceOf(manifest: Manifest, given: GivenSource): string {
  const { source } = manifest;
  const { model } = given;
  if (model === undefined) {
    if (source.model !== null) return source.model;
    throw notGiven(manifest, given);
  }
  const spelled = formatReference(parseReference(model));
  if (source.model === null || source.model === spelled) return spelled;
  throw new TimmcError("usage", `the artifact was compiled from ${source.model}, not from ${spelled}`, {
    hint: "Leave --model out: the manifest names the source.",
  });
}

/** The calibration that an artifact was compiled with. Throws `usage` where it must be given and is not, `config` for another. */
export function recordedCalibration({ folder, manifest }: Artifact, given: GivenSource): CalibrationFile | undefined {
  const file = given.calibration;
  const recorded = manifest.source.calibration_sha256;
  const refused = (code: "usage" | "config", what: string, hint: string): TimmcError =>
    new TimmcError(code, what, { trail: [folder], hint });
  if (recorded === undefined) {
    if (file === undefined) return undefined;
    throw refused("usage", "the artifact was compiled without a calibration", "Leave --calibration out.");
  }
  if (file === undefined) throw notGiven(manifest, given).within(folder);
  const calibration = readCalibration(file);
  if (calibration.sha256 === recorded) return calibration;
  throw refused(
    "config",
    `${file} is not the calibration that the artifact was compiled with: its SHA-256 differs`,
    "Give the file that it was compiled with, or compile again.",
  );
}

function weightsChoice(manifest: Manifest, given: GivenSource): WeightsChoice {
  const { kind } = manifest.source.weights;
  const file = given.weights;
  if (kind === "file") {
    if (file !== undefined) return { file };
    throw notGiven(manifest, given);
  }
  if (file === undefined) return kind;
  throw new TimmcError("usage", `the artifact was compiled from ${kind} weights, not from a file`, {
    hint: "Leave --weights out.",
  });
}

async function requireSameModel({ source }: Manifest, { resolved }: LoweredRequest): Promise<void> {
  if (source.config_sha256 !== null && resolved.local !== undefined)
    await requireHash([join(resolved.local.path, "config.json")], source.config_sha256, "config");
  const same =
    resolved.architecture === source.architecture &&
    resolved.tag === source.tag &&
    (source.config_sha256 !== null) === (resolved.local !== undefined);
  if (!same)
    throw new TimmcError(
      "config",
      `the artifact was compiled from ${nameOf(source)}, and ${formatReference(resolved.reference)} is ${nameOf(resolved)}`,
      { hint: "Give the source that it was compiled from, or compile again." },
    );
}

const nameOf = ({ architecture, tag }: { architecture: string; tag: string }): string =>
  tag === "" ? architecture : `${architecture}.${tag}`;

async function requireHash(files: readonly string[], sha256: string, code: "weights" | "config"): Promise<void> {
  if (files.length > 0 && (await hashFiles(files)) === sha256) return;
  throw new TimmcError(code, "this is not the file that the artifact was compiled from: its SHA-256 differs", {
    trail: files.slice(0, 1),
    hint: "Give the source that it was compiled from, or compile again.",
  });
}
