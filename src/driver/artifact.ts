import { createHash } from "node:crypto";
import { type Stats, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { messageOf } from "../ir/caught.ts";
import { TimmcError } from "../ir/error.ts";
import { readBounded } from "../runtime/read-file.ts";
import { certificateName, manifestName, maxJsonBytes } from "./artifact-files.ts";
import type { Certificate } from "./certificate.ts";
import { hashFile } from "./hash-file.ts";
import { type Manifest, type ManifestFile, manifestVersion } from "./manifest.ts";
import { sizeName } from "./sizes.ts";

/** An artifact folder whose every file is what its manifest says. */
export interface Artifact {
  readonly folder: string;
  readonly manifest: Manifest;
  /** Of the manifest's bytes, in lower-case hexadecimal: what a certificate is bound to. */
  readonly manifestSha256: string;
  /** The certificate of a passed verification of exactly these bytes. */
  readonly certificate: Certificate | undefined;
}

/**
 * Opens an artifact folder: reads the manifest, checks it against its schema, and the size and SHA-256 of every file.
 * Throws TimmcError `io`: no artifact, or a damaged one, with the file; `unsupported`: a manifest of another version.
 */
export async function loadArtifact(folder: string): Promise<Artifact> {
  const path = join(folder, manifestName);
  const bytes = readManifest(folder, path);
  const manifest = await parseManifest(path, bytes);
  for (const file of manifest.files) await checkFile(folder, file);
  const manifestSha256 = createHash("sha256").update(bytes).digest("hex");
  return { folder, manifest, manifestSha256, certificate: await readCertificate(folder, manifestSha256) };
}

/** Throws `weights` for an artifact that was compiled without. */
export function requireWeights({ folder, manifest }: Artifact): void {
  if (manifest.source.weights.kind === "none")
    throw new TimmcError("weights", "the artifact has no weights (--weights none): there is nothing to run", {
      trail: [folder],
      hint: "Compile it again with --weights pretrained, synthetic or FILE.",
    });
}

/** The path of the artifact's model. Throws `weights` for an artifact that was compiled without. */
export function runnableModel(artifact: Artifact): string {
  requireWeights(artifact);
  return join(artifact.folder, artifact.manifest.target.model);
}

/** Outputs of a model under the names of the taps; `names` says which has another one there. */
export function outputsByTap<T>(
  { outputs }: Manifest,
  results: ReadonlyMap<string, T>,
  names: Readonly<Record<string, string>> = {},
): Map<string, T> {
  const named = outputs.map(({ name }) => [name, results.get(names[name] ?? name)] as const);
  return new Map(named.flatMap(([name, result]) => (result === undefined ? [] : [[name, result] as const])));
}

const damaged = (place: string, what: string, cause?: unknown): TimmcError =>
  new TimmcError("io", `the artifact is damaged: ${what}`, {
    trail: [place],
    hint: "Compile the model again.",
    cause,
  });

/** What to do about a manifest that contradicts itself or its source. */
export const editedManifest =
  "The manifest was edited, or written by another version of timmc: compile the model again.";

/** A refusal of what a manifest records, as one of the manifest. */
export const damagedManifest = (folder: string, refusal: TimmcError): TimmcError =>
  new TimmcError("io", `the artifact is damaged: ${refusal.message}`, {
    trail: [join(folder, manifestName), ...refusal.trail],
    hint: editedManifest,
    cause: refusal,
  });

function readManifest(folder: string, path: string): Uint8Array {
  const found = attempt(folder, () => statSync(folder, { throwIfNoEntry: false }));
  if (found?.isDirectory() !== true)
    throw new TimmcError("io", found === undefined ? "there is no such folder" : "this is a file, not a folder", {
      trail: [folder],
      hint: "Give the folder that timmc compile wrote.",
    });
  const bytes = readSmallFile(path);
  if (bytes !== undefined) return bytes;
  throw new TimmcError("io", `not an artifact: the folder has no ${manifestName}`, {
    trail: [folder],
    hint: "timmc compile writes it last: a compile that was stopped leaves none. Compile the model again.",
  });
}

/** A file's bytes; undefined where there is none. */
const readSmallFile = (path: string): Uint8Array | undefined =>
  attempt(path, () => statSync(path, { throwIfNoEntry: false })) === undefined
    ? undefined
    : readBounded(path, maxJsonBytes);

/** Reads a manifest's bytes, `path` being for messages. Throws TimmcError `io`, and `unsupported` for another version. */
export async function parseManifest(path: string, bytes: Uint8Array): Promise<Manifest> {
  const value = parseJson(path, bytes);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw damaged(path, "the manifest is not a JSON object");
  const version = "manifest_version" in value ? value.manifest_version : undefined;
  if (typeof version === "number" && version !== manifestVersion)
    throw new TimmcError("unsupported", `the manifest has version ${version}; this timmc reads ${manifestVersion}`, {
      trail: [path],
      hint: "Compile the model again, or use the timmc that wrote it.",
    });
  const { manifestSchema } = await import("./manifest-schema.ts");
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw damaged(path, `${issue?.path.join(".") || "the manifest"}: ${issue?.message ?? "does not fit its schema"}`);
  }
  checkReferences(path, parsed.data);
  return parsed.data;
}

function parseJson(path: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch (error) {
    throw damaged(path, `this is not JSON (${messageOf(error)})`, error);
  }
}

/** What a schema cannot say: names are unique, the models are among the files, the first size is the manifest's own. */
function checkReferences(path: string, { files, outputs, target, input }: Manifest): void {
  const sizes = ("sizes" in target ? target.sizes : undefined) ?? [];
  const twice =
    firstRepeated(files.map((f) => f.path.toLowerCase())) ??
    firstRepeated(outputs.map((o) => o.name)) ??
    firstRepeated(sizes.map(({ height, width }) => sizeName([height, width])));
  if (twice !== undefined) throw damaged(path, `the manifest lists ${JSON.stringify(twice)} twice`);
  const models = [target.model, ...sizes.map((size) => size.model)];
  const unlisted = models.find((model) => !files.some((f) => f.path === model));
  if (unlisted !== undefined) throw damaged(path, `files does not list ${unlisted}`);
  if (sizes[0] !== undefined && sizes[0].model !== target.model)
    throw damaged(path, `target.model is ${target.model} and not ${sizes[0].model}, the graph of the first size`);
  if (input.shape.length !== 4) throw damaged(path, `input.shape has ${input.shape.length} dimensions instead of 4`);
}

function firstRepeated(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name).size);
}

/** Sizes first: a wrong one is found without reading. A link that leads out of the folder is no file of the artifact. */
async function checkFile(folder: string, { path, bytes, sha256 }: ManifestFile): Promise<void> {
  const place = join(folder, path);
  const facts: Stats | undefined = attempt(place, () => statSync(place, { throwIfNoEntry: false }));
  if (facts === undefined) throw damaged(place, "the file is missing");
  if (!facts.isFile()) throw damaged(place, "this is not a file");
  const root = attempt(folder, () => realpathSync(folder));
  if (!attempt(place, () => realpathSync(place)).startsWith(root.endsWith(sep) ? root : root + sep))
    throw damaged(place, "the file is a link that leads out of the folder");
  if (facts.size !== bytes) throw damaged(place, `the file has ${facts.size} bytes and the manifest says ${bytes}`);
  if ((await hashFile(place)) !== sha256) throw damaged(place, "its SHA-256 is not the one in the manifest");
}

/** A certificate that cannot be read is none. */
async function readCertificate(folder: string, manifestSha256: string): Promise<Certificate | undefined> {
  try {
    const bytes = readSmallFile(join(folder, certificateName));
    return bytes === undefined ? undefined : await parseCertificate(bytes, manifestSha256);
  } catch {
    return undefined;
  }
}

/** A certificate's bytes; what is no certificate, failed, or is of another manifest is none. */
export async function parseCertificate(bytes: Uint8Array, manifestSha256: string): Promise<Certificate | undefined> {
  let value: unknown;
  try {
    value = parseJson(certificateName, bytes);
  } catch {
    return undefined;
  }
  const { certificateSchema } = await import("./certificate-schema.ts");
  const parsed = certificateSchema.safeParse(value);
  if (!parsed.success || parsed.data.manifest_sha256 !== manifestSha256 || !parsed.data.passed) return undefined;
  return parsed.data.outputs.every((o) => o.passed) ? parsed.data : undefined;
}

/** `body()`; what the file system refuses becomes an error that names the path. */
function attempt<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof TimmcError) throw cause;
    throw new TimmcError("io", `it cannot be read (${messageOf(cause)})`, {
      trail: [path],
      hint: "Check the path and its permissions.",
      cause,
    });
  }
}
