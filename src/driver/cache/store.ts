import { createHash } from "node:crypto";
import { join } from "node:path";
import { parseCertificate } from "../artifact.ts";
import { certificateName, documentText, maxJsonBytes } from "../artifact-files.ts";
import type { Certificate } from "../certificate.ts";
import type { Compiled } from "../compile.ts";
import { readBounded } from "../../runtime/read-file.ts";
import { messageOf } from "../../ir/caught.ts";
import { TimmcError } from "../../ir/error.ts";
import { keepFile } from "./blobs.ts";
import { type Entry, readEntry, writeEntry } from "./entry.ts";
import type { BuildCache } from "./folder.ts";
import { boundCache } from "./prune.ts";

/**
 * Keeps an artifact under its key: its blobs first, the entry that names them last. What the cache cannot take, such as
 * on a full disk, is said in a note: the artifact is there all the same. Throws `interrupted`.
 */
export async function storeArtifact(
  cache: BuildCache,
  key: string,
  folder: string,
  { manifest, certificate, files }: Compiled,
  signal?: AbortSignal,
): Promise<void> {
  await keeping(cache, async () => {
    const cuts = new Map(files.map((file) => [file.path, file.segments]));
    const kept: Entry["files"][number][] = [];
    let bytes = 0;
    for (const { path, bytes: size } of manifest.files) {
      const lengths = cuts.get(path) ?? (size === 0 ? [] : [size]);
      const { segments, written } = await keepFile(cache, join(folder, path), lengths, signal);
      kept.push({ path, segments });
      bytes += written;
    }
    writeEntry(cache, {
      entry_version: 1,
      key,
      manifest: documentText(manifest),
      files: kept,
      certificate: certificate === undefined ? null : documentText(certificate),
    });
    await boundCache(cache, bytes);
  });
}

/**
 * Keeps the certificate that `verify` wrote into a folder with the artifact of a key, for those that are restored. Does
 * nothing where the cache has another artifact, or none.
 */
export async function storeCertificate(cache: BuildCache, key: string, folder: string): Promise<void> {
  await keeping(cache, async () => {
    const entry = await readEntry(cache, key);
    if (entry === undefined) return;
    const bytes = readBounded(join(folder, certificateName), maxJsonBytes);
    if ((await certificateOf(entry.manifest, bytes)) === undefined) return;
    const { parsed: _, ...rest } = entry;
    writeEntry(cache, { ...rest, certificate: new TextDecoder().decode(bytes) });
  });
}

/** A certificate's bytes where they are of this manifest and it passed. */
export const certificateOf = (manifest: string, bytes: Uint8Array): Promise<Certificate | undefined> =>
  parseCertificate(bytes, createHash("sha256").update(manifest).digest("hex"));

/** `body()`; what the file system refuses is said in a note. */
async function keeping(cache: BuildCache, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (error instanceof TimmcError && error.code === "interrupted") throw error;
    cache.note(`the artifact is not kept in ${cache.folder}: ${messageOf(error)}`);
  }
}
