import { type Entry, DamagedEntry, readListing } from "./entry.ts";
import type { BuildCache } from "./folder.ts";
import { clockOf, factsOf, filesOf, removePlace, sweepTemporaries } from "./places.ts";

interface PruneRequest {
  /** What may stay; default: what the cache may hold. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds: what was not used for as long goes. */
  readonly olderThan?: number | undefined;
  /** Everything goes. */
  readonly all?: boolean | undefined;
  /** Milliseconds for which a blob stays that no entry names yet: its writer may be about to. Default five minutes. */
  readonly young?: number | undefined;
}

interface PruneReport {
  readonly entries: { readonly removed: number; readonly left: number };
  readonly bytes: { readonly removed: number; readonly left: number };
}

const youngBlob = 300_000;

/**
 * Takes the least recently used entries away until the blobs of the rest fit, and blobs that no entry names. Safe while
 * others read and write: an entry that was used meanwhile stays, one that came meanwhile counts, and a reader who loses a
 * blob compiles again.
 */
export async function pruneCache(cache: BuildCache, request: PruneRequest = {}): Promise<PruneReport> {
  const { maxBytes = cache.maxBytes, olderThan = Infinity, all = false, young = youngBlob } = request;
  const now = clockOf(cache);
  sweepTemporaries(cache, now);
  const used = new Map<string, number>();
  let room = all ? -1 : maxBytes;
  let [removed, left] = [0, 0];
  for (const { entry, path, at } of (await listEntries(cache)).toSorted((a, b) => b.at - a.at)) {
    room -= addBlobs(used, entry);
    if (room >= 0 && now - at <= olderThan) left++;
    else if (factsOf(path)?.mtimeMs === at && removePlace(path)) removed++;
    else left++;
  }
  const blobs = await sweepBlobs(cache, all ? 0 : young, now);
  return { entries: { removed, left }, bytes: blobs };
}

interface ListedEntry {
  readonly entry: Entry;
  readonly path: string;
  /** When it was last used. */
  readonly at: number;
}

/** All entries that can be trusted; the others are taken away. */
async function listEntries(cache: BuildCache): Promise<ListedEntry[]> {
  const found: ListedEntry[] = [];
  for (const { name, path } of filesOf(cache, "entries")) {
    const at = factsOf(path)?.mtimeMs;
    const entry = await listingOrNone(cache, name, path);
    if (entry !== undefined && at !== undefined) found.push({ entry, path, at });
  }
  return found;
}

async function listingOrNone(cache: BuildCache, key: string, path: string): Promise<Entry | undefined> {
  try {
    return await readListing(cache, key);
  } catch (error) {
    if (!(error instanceof DamagedEntry)) throw error;
    removePlace(path);
    cache.note(`the cache's entry ${key} is damaged and gone: ${error.message}`);
    return undefined;
  }
}

/** Adds the blobs of an entry to those that are used, and gives the bytes of those that are new. */
function addBlobs(used: Map<string, number>, { files }: Entry): number {
  let bytes = 0;
  for (const { segments } of files)
    for (const segment of segments) {
      if (used.has(segment.sha256)) continue;
      used.set(segment.sha256, segment.bytes);
      bytes += segment.bytes;
    }
  return bytes;
}

/** Takes blobs away that no entry names, now that the others are gone, but for young ones. */
async function sweepBlobs(cache: BuildCache, young: number, now: number): Promise<PruneReport["bytes"]> {
  const used = new Map<string, number>();
  for (const { entry } of await listEntries(cache)) addBlobs(used, entry);
  let [removed, left] = [0, 0];
  for (const { name, path } of filesOf(cache, "blobs")) {
    const facts = factsOf(path);
    if (facts === undefined) continue;
    const stays = used.has(name) || now - facts.mtimeMs < young;
    if (!stays && removePlace(path)) removed += facts.size;
    else left += facts.size;
  }
  return { removed, left };
}

/** What of each cache is known to lie there, in this process. */
const sizes = new Map<string, number>();

/** Prunes a cache that has outgrown its size, `written` bytes having come to it. */
export async function boundCache(cache: BuildCache, written: number): Promise<void> {
  const known = sizes.get(cache.folder);
  if (known === undefined) sweepTemporaries(cache, clockOf(cache));
  const size = known === undefined ? storedBytes(cache) : known + written;
  sizes.set(cache.folder, size);
  if (size <= cache.maxBytes) return;
  // Some room is made beyond what is needed, and what is too young to go is not asked again at once.
  const { bytes } = await pruneCache(cache, { maxBytes: cache.maxBytes * 0.9 });
  sizes.set(cache.folder, Math.min(bytes.left, cache.maxBytes * 0.95));
}

/** Bytes of all blobs. */
const storedBytes = (cache: BuildCache): number =>
  [...filesOf(cache, "blobs")].reduce((n, { path }) => n + (factsOf(path)?.size ?? 0), 0);
