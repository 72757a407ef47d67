import { DamagedEntry, type OpenedEntry, readEntry } from "./entry.ts";
import type { BuildCache } from "./folder.ts";
import { factsOf, filesOf } from "./places.ts";
import { precisionOf } from "../verify-compare.ts";

/** What a cache holds; names are those of `timmc cache ls --json`. */
export interface CacheInventory {
  readonly folder: string;
  readonly max_bytes: number;
  /** The most recently used first. */
  readonly entries: readonly CacheRow[];
  /** Keys of entries that are not to be trusted, which verify takes away. */
  readonly damaged: readonly string[];
  readonly blobs: number;
  /** Of all blobs on the disk, those that no entry names included. */
  readonly stored_bytes: number;
  /** What the artifacts take in folders of their own. */
  readonly bytes_without_sharing: number;
}

interface CacheRow {
  readonly key: string;
  readonly model: string;
  readonly target: string;
  readonly precision: string;
  readonly input_size: readonly number[];
  readonly taps: readonly string[];
  /** Of the artifact's files. */
  readonly bytes: number;
  /** Of blobs that no other entry names, and of the others. */
  readonly own_bytes: number;
  readonly shared_bytes: number;
  readonly certified: boolean;
  /** ISO 8601, UTC. */
  readonly last_use: string;
}

/** Looks at every entry of a cache and at the sizes of its blobs; changes nothing. */
export async function cacheInventory(cache: BuildCache): Promise<CacheInventory> {
  const found: { entry: OpenedEntry; at: number }[] = [];
  const damaged: string[] = [];
  for (const { name, path } of filesOf(cache, "entries")) {
    const entry = await entryOrDamage(cache, name);
    const at = factsOf(path)?.mtimeMs;
    if (entry === null) damaged.push(name);
    else if (entry !== undefined && at !== undefined) found.push({ entry, at });
  }
  const users = new Map<string, number>();
  for (const { entry } of found)
    for (const name of segmentsOf(entry).keys()) users.set(name, (users.get(name) ?? 0) + 1);
  const entries = found.toSorted((a, b) => b.at - a.at).map(({ entry, at }) => rowOf(entry, at, users));
  const blobs = [...filesOf(cache, "blobs")].map(({ path }) => factsOf(path)?.size ?? 0);
  return {
    folder: cache.folder,
    max_bytes: cache.maxBytes,
    entries,
    damaged,
    blobs: blobs.length,
    stored_bytes: blobs.reduce((n, bytes) => n + bytes, 0),
    bytes_without_sharing: entries.reduce((n, { bytes }) => n + bytes, 0),
  };
}

/** Null for an entry that is not to be trusted. */
async function entryOrDamage(cache: BuildCache, key: string): Promise<OpenedEntry | null | undefined> {
  try {
    return await readEntry(cache, key);
  } catch (error) {
    if (error instanceof DamagedEntry) return null;
    throw error;
  }
}

/** The different blobs of an entry, and their sizes. */
const segmentsOf = ({ files }: OpenedEntry): Map<string, number> =>
  new Map(files.flatMap(({ segments }) => segments.map(({ sha256, bytes }) => [sha256, bytes] as const)));

function rowOf(entry: OpenedEntry, at: number, users: ReadonlyMap<string, number>): CacheRow {
  const { key, parsed, certificate } = entry;
  const { source, target, request, files } = parsed;
  const segments = [...segmentsOf(entry)];
  const sum = (isShared: boolean): number =>
    segments.reduce((n, [name, bytes]) => n + ((users.get(name) ?? 0) > 1 === isShared ? bytes : 0), 0);
  return {
    key,
    model: source.tag === "" ? source.architecture : `${source.architecture}.${source.tag}`,
    target: target.name,
    precision: precisionOf(parsed),
    input_size: request.input_size,
    taps: request.taps,
    bytes: files.reduce((n, { bytes }) => n + bytes, 0),
    own_bytes: sum(false),
    shared_bytes: sum(true),
    certified: certificate !== null,
    last_use: new Date(at).toISOString(),
  };
}
