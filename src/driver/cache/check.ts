import type { Watch } from "../../backends/write-parts.ts";
import { isWholeBlob } from "./blobs.ts";
import { DamagedEntry, readEntry } from "./entry.ts";
import type { BuildCache } from "./folder.ts";
import { clockOf, factsOf, filesOf, plainFile, removePlace, blobPath, sweepTemporaries } from "./places.ts";

/** What `timmc cache verify` found; what is named in `damaged` is gone. */
interface CacheCheck {
  readonly folder: string;
  /** What was looked at. */
  readonly entries: number;
  readonly blobs: number;
  readonly bytes: number;
  readonly damaged: readonly Damage[];
}

interface Damage {
  readonly kind: "blob" | "entry";
  /** The blob's hash, or the entry's key. */
  readonly name: string;
  readonly problem: string;
}

/**
 * Hashes every blob of a cache, then reads every entry and looks for its blobs. What is not what its name says is taken
 * away, so that it is compiled again when it is asked for. Throws `interrupted`.
 */
export async function checkCache(cache: BuildCache, { signal, progress }: Watch = {}): Promise<CacheCheck> {
  sweepTemporaries(cache, clockOf(cache));
  const damaged: Damage[] = [];
  let [blobs, bytes, entries] = [0, 0, 0];
  for (const { name, path } of filesOf(cache, "blobs")) {
    progress?.(`blob ${name.slice(0, 12)}`);
    const size = factsOf(path)?.size;
    if (size === undefined) continue;
    blobs++;
    bytes += size;
    if ((await isWholeBlob(cache, name, signal)) || factsOf(path) === undefined) continue;
    removePlace(path);
    damaged.push({ kind: "blob", name, problem: "its bytes are not those of its name" });
  }
  for (const { name, path } of filesOf(cache, "entries")) {
    progress?.(`entry ${name.slice(0, 12)}`);
    entries++;
    const problem = await problemOf(cache, name);
    if (problem === undefined) continue;
    removePlace(path);
    damaged.push({ kind: "entry", name, problem });
  }
  return { folder: cache.folder, entries, blobs, bytes, damaged };
}

/** Why an entry cannot be restored; undefined where it can, and where it has gone meanwhile. */
async function problemOf(cache: BuildCache, key: string): Promise<string | undefined> {
  try {
    const entry = await readEntry(cache, key);
    for (const { segments } of entry?.files ?? [])
      for (const { sha256, bytes } of segments)
        if (plainFile(blobPath(cache, sha256))?.size !== bytes) return `its blob ${sha256} is missing or damaged`;
    return undefined;
  } catch (error) {
    if (error instanceof DamagedEntry) return error.message;
    throw error;
  }
}
