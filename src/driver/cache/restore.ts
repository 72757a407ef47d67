import { constants, renameSync, rmSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HashingFileSink, temporaryBeside } from "../../backends/file-sink.ts";
import { pauses } from "../../backends/interrupt.ts";
import type { Watch } from "../../backends/write-parts.ts";
import { makeFolder } from "../../frontend/make-folder.ts";
import { messageOf } from "../../ir/caught.ts";
import { TimmcError } from "../../ir/error.ts";
import { certificateName, manifestName, stageArtifact, writeWhole } from "../artifact-files.ts";
import type { Certificate } from "../certificate.ts";
import { hashFile } from "../hash-file.ts";
import type { Layout } from "../layout/layout.ts";
import type { Manifest } from "../manifest.ts";
import { targetOf } from "../target/targets.ts";
import { DamagedBlob, blobBytes, isWholeBlob } from "./blobs.ts";
import { DamagedEntry, type OpenedEntry, type Segment, readEntry } from "./entry.ts";
import type { BuildCache } from "./folder.ts";
import { blobPath, entryPath, plainFile, removePlace, touch } from "./places.ts";
import { certificateOf } from "./store.ts";

/** An artifact as it was compiled before. */
interface Restored {
  readonly manifest: Manifest;
  /** Of the run that verified it, where one did. */
  readonly certificate: Certificate | undefined;
}

/**
 * Writes the artifact of a key into a folder, as `compile` would: every byte is hashed on its way, the manifest comes
 * last. Undefined where the cache has none that is whole: what was damaged has gone from it then, which a note says, and
 * none of the artifact's files is in the folder. Throws TimmcError for what is wrong of the folder, and `interrupted`.
 */
export async function restoreArtifact(
  cache: BuildCache,
  key: string,
  folder: string,
  watch: Watch = {},
): Promise<Restored | undefined> {
  try {
    const entry = await readEntry(cache, key);
    if (entry === undefined) return undefined;
    const certificate = await restoreFiles(cache, entry, folder, watch);
    touch(entryPath(cache, key));
    return { manifest: entry.parsed, certificate };
  } catch (error) {
    if (!(error instanceof DamagedEntry || error instanceof DamagedBlob)) throw error;
    removePlace(entryPath(cache, key));
    if (error instanceof DamagedBlob) removePlace(blobPath(cache, error.sha256));
    const what = error instanceof DamagedBlob ? `blob ${error.sha256}` : `entry ${key}`;
    cache.note(`the cache's ${what} is damaged and gone: ${error.message}; the artifact is compiled again`);
    return undefined;
  }
}

async function restoreFiles(
  cache: BuildCache,
  { manifest, parsed, files, certificate }: OpenedEntry,
  folder: string,
  watch: Watch,
): Promise<Certificate | undefined> {
  const target = targetOf(parsed.target);
  return stageArtifact(folder, target.places(layoutOf(parsed)), async (stage) => {
    for (const [i, { path, sha256, bytes }] of parsed.files.entries()) {
      const segments = files[i]?.segments ?? [];
      makeFolder(dirname(join(stage, path)));
      await restoreFile(cache, join(stage, path), { segments, sha256, bytes }, watch);
    }
    const passed = certificate === null ? undefined : await certificateOf(manifest, Buffer.from(certificate));
    if (passed !== undefined && certificate !== null) writeWhole(join(stage, certificateName), certificate);
    writeWhole(join(stage, manifestName), manifest);
    return passed;
  });
}

const layoutOf = ({ target }: Manifest): Layout => ("layout" in target ? target.layout : "plain");

interface File {
  readonly segments: readonly Segment[];
  readonly sha256: string;
  readonly bytes: number;
}

/** Writes a file of its segments. Throws DamagedBlob or DamagedEntry where that is not the file of the manifest. */
async function restoreFile(cache: BuildCache, path: string, file: File, watch: Watch): Promise<void> {
  const [only, ...more] = file.segments;
  const sha256 =
    only !== undefined && more.length === 0
      ? await cloneBlob(cache, path, only, watch)
      : await joinBlobs(cache, path, file, watch);
  if (sha256 === file.sha256) return;
  rmSync(path, { force: true });
  for (const segment of new Set(file.segments.map((s) => s.sha256)))
    if (!(await isWholeBlob(cache, segment, watch.signal)))
      throw new DamagedBlob(segment, "its SHA-256 is not its name");
  throw new DamagedEntry(`its segments are not ${basename(path)}`);
}

/** Of a file that is one blob: its blocks are shared where the file system can, and copied elsewhere; never linked. */
async function cloneBlob(cache: BuildCache, path: string, { sha256, bytes }: Segment, watch: Watch): Promise<string> {
  const blob = blobPath(cache, sha256);
  const facts = plainFile(blob);
  if (facts?.size !== bytes) throw new DamagedBlob(sha256, facts === undefined ? "is missing" : "has another size");
  const temporary = temporaryBeside(path);
  try {
    await copyFile(blob, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    const hash = await hashFile(temporary, watch);
    renameSync(temporary, path);
    return hash;
  } catch (error) {
    rmSync(temporary, { force: true });
    if (plainFile(blob) === undefined) throw new DamagedBlob(sha256, "is missing");
    if (error instanceof TimmcError) throw error;
    throw new TimmcError("io", `cannot write ${path}: ${messageOf(error)}`, {
      hint: "Check that the folder is writable and has room.",
      cause: error,
    });
  }
}

async function joinBlobs(
  cache: BuildCache,
  path: string,
  { segments, bytes }: File,
  { signal, progress }: Watch,
): Promise<string> {
  const pause = pauses(signal);
  const sink = new HashingFileSink(path);
  try {
    for (const segment of segments) {
      for (const piece of blobBytes(cache, segment)) {
        sink.write(piece);
        await pause();
      }
      progress?.(`restoring ${basename(path)}: ${Math.floor((100 * sink.byteLength) / bytes)} %`);
    }
    return sink.commit().sha256;
  } catch (error) {
    sink.abort();
    throw error;
  }
}
