import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder } from "../../frontend/make-folder.ts";
import { TimmcError } from "../../ir/error.ts";
import { readBounded } from "../../runtime/read-file.ts";
import { type Artifact, loadArtifact } from "../artifact.ts";
import { certificateName, manifestName, maxJsonBytes, writeWhole } from "../artifact-files.ts";
import { calibrationOf, wantedCalibration } from "./calibration.ts";
import { compileCached } from "../cache/compile-cached.ts";
import type { BuildCache } from "../cache/folder.ts";
import { type RequestKey, requestKey } from "../cache/key.ts";
import { entryPath, factsOf, removePlace } from "../cache/places.ts";
import { storeCertificate } from "../cache/store.ts";
import type { Certificate } from "../certificate.ts";
import { type CompileRequest, compile } from "../compile.ts";
import { isMeasured } from "../verify-precision.ts";
import { copyingBytes, needOf, sizeOf } from "./memory.ts";
import type { Ask, Job, Made } from "./protocol.ts";
import { artifactSummary, failureOf, verificationOf } from "./results.ts";

/** What a job tells and asks while it runs. */
interface Performance {
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
  readonly progress: (text: string) => void;
  /** Waits for permission; throws what refuses it. */
  readonly ask: (ask: Ask) => Promise<void>;
}

/**
 * Brings one variant about: finds it in its folder, takes it from the cache, or compiles it, and verifies it where that is
 * wanted. A stamp beside the output says which key lies in a folder; what the stamp does not say, or the artifact's own
 * hashes do not confirm, is built again. Throws TimmcError.
 */
export async function perform(job: Job, { ask, ...watch }: Performance): Promise<Made> {
  watch.progress("reading the sources");
  const access = { ...watch, cacheDir: job.cacheDir };
  const wanted = await wantedCalibration(job.request, access);
  if (wanted?.isMade === false)
    await ask({ source: sourceOf(wanted.graph), bytes: needOf(await sizeOf(job.request), true) });
  const calibration = await calibrationOf(job.request, wanted, access);
  const request: CompileRequest = { ...job.request, calibration, out: job.out, cacheDir: job.cacheDir, ...watch };
  const keyed = await requestKey(request);
  if (keyed === undefined) throw new TimmcError("invalid-ir", "a variant has a key");
  const kept = await keptArtifact(job, keyed.key);
  const cache = job.cache === null ? undefined : { ...job.cache, note: watch.note };
  if (wanted?.isMade !== false)
    await ask({ source: sourceOf(keyed), bytes: await bytesOf(job, keyed, kept !== undefined, cache) });
  if (kept === undefined) sweep(job.out);
  const made = kept === undefined ? await make(job, request, keyed, cache) : ("kept" as const);
  const artifact = kept ?? (await loadArtifact(job.out));
  const certificate = job.verify ? await judged(job, artifact, request, keyed, cache) : artifact.certificate;
  const failure = certificate === undefined ? null : failureOf(certificate);
  const shown = failure === null ? artifactSummary(artifact) : { artifact: null };
  return { ...shown, ...verificationOf(certificate), origin: made, failure };
}

const sourceOf = ({ hashes, hub }: RequestKey): Ask["source"] => ({
  hub: hub ?? null,
  weights_sha256: hashes.weights,
  config_sha256: hashes.config,
});

/** What the rest of a job takes. */
async function bytesOf(job: Job, { key }: RequestKey, isKept: boolean, cache: BuildCache | undefined): Promise<number> {
  const isThere = isKept || (cache !== undefined && existsSync(entryPath(cache, key)));
  if (isThere && !job.verify) return copyingBytes;
  return needOf(await sizeOf(job.request), job.verify || isMeasured(job.request));
}

async function make(
  job: Job,
  request: CompileRequest,
  keyed: RequestKey,
  cache: BuildCache | undefined,
): Promise<"built" | "cached"> {
  rmSync(job.stamp, { force: true });
  const { hit } = cache === undefined ? await uncached(request) : await compileCached(cache, request, keyed);
  const manifest = readBounded(join(job.out, manifestName), maxJsonBytes);
  makeFolder(dirname(job.stamp));
  writeWhole(job.stamp, `${JSON.stringify({ key: keyed.key, manifest_sha256: sha256Of(manifest) })}\n`);
  return hit ? "cached" : "built";
}

async function uncached(request: CompileRequest): Promise<{ readonly hit: false }> {
  await compile(request);
  return { hit: false };
}

const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The artifact that lies in its folder already, whole, where it is the key's. */
async function keptArtifact({ out, stamp }: Job, key: string): Promise<Artifact | undefined> {
  if (factsOf(stamp) === undefined) return undefined;
  try {
    const said = JSON.parse(new TextDecoder().decode(readBounded(stamp, maxJsonBytes))) as unknown;
    const artifact = await loadArtifact(out);
    const expected = { key, manifest_sha256: artifact.manifestSha256 };
    return JSON.stringify(said) === JSON.stringify(expected) ? artifact : undefined;
  } catch {
    return undefined;
  }
}

/** Milliseconds after which a half-written file is nobody's. */
const abandonedMs = 3_600_000;

/** Takes away what a run that was killed long ago left half-written: another build may be at work in the folder. */
function sweep(folder: string): void {
  if (factsOf(folder)?.isDirectory() !== true) return;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }))
    if (/(?:^|[/\\])\.[^/\\]+\.[0-9a-f]{12}\.tmp$/.test(name)) {
      const facts = factsOf(join(folder, name));
      if (facts !== undefined && Date.now() - facts.mtimeMs > abandonedMs) rmSync(join(folder, name), { force: true });
    }
}

/**
 * The certificate of an artifact. What failed is taken out of its folder and out of the cache, so that no later build takes
 * it; a verification that could not be done says nothing of what the cache has.
 */
async function judged(
  job: Job,
  artifact: Artifact,
  request: CompileRequest,
  keyed: RequestKey,
  cache: BuildCache | undefined,
): Promise<Certificate | undefined> {
  try {
    const certificate = await certified(job, artifact, request, keyed, cache);
    if (certificate?.passed !== false) return certificate;
    if (cache !== undefined) removePlace(entryPath(cache, keyed.key));
    withdraw(job, artifact);
    return certificate;
  } catch (error) {
    if (!(error instanceof TimmcError && error.code === "interrupted")) withdraw(job, artifact);
    throw error;
  }
}

/** Takes an artifact out of its folder, its manifest first: from there on it is none. */
function withdraw({ out, stamp }: Job, { manifest }: Artifact): void {
  rmSync(stamp, { force: true });
  for (const name of [manifestName, certificateName, ...manifest.files.map(({ path }) => path)])
    rmSync(join(out, name), { force: true });
}

/** The certificate of an artifact: that of an earlier verification, or of one now. */
async function certified(
  { out }: Job,
  artifact: Artifact,
  request: CompileRequest,
  { key }: RequestKey,
  cache: BuildCache | undefined,
): Promise<Certificate | undefined> {
  const { source } = artifact.manifest;
  if (source.weights.kind === "none") return undefined;
  if (artifact.certificate !== undefined) return artifact.certificate;
  const { verify } = await import("../verify.ts");
  const { signal, progress, note, cacheDir, weights, model } = request;
  const certificate = await verify(out, {
    model: source.model === null ? model : undefined,
    weights: typeof weights === "object" ? weights.file : undefined,
    signal,
    progress,
    note,
    cacheDir,
  });
  if (certificate.passed && cache !== undefined) await storeCertificate(cache, key, out);
  return certificate;
}
