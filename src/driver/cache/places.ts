import {
  type Stats,
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder } from "../../frontend/make-folder.ts";
import { codeOf } from "../../ir/caught.ts";
import { TimmcError } from "../../ir/error.ts";
import { isAbandoned, ownedName } from "../owned-name.ts";
import type { BuildCache } from "./folder.ts";

/**
 * Where things lie in a cache, and the only ways to touch them: blobs/ab/SHA256, entries/ab/KEY.json, and files that are
 * being written in tmp/. Everything appears whole, by a rename. Links are not followed: the folder may be writable to
 * others, and what leads out of it is not of the cache.
 */

type Place = Pick<BuildCache, "folder">;

export const blobPath = ({ folder }: Place, sha256: string): string =>
  join(folder, "blobs", sha256.slice(0, 2), sha256);

export const entryPath = ({ folder }: Place, key: string): string =>
  join(folder, "entries", key.slice(0, 2), `${key}.json`);

const temporaryFolder = ({ folder }: Place): string => join(folder, "tmp");

/** What lies at a path itself; undefined where nothing does. */
export const factsOf = (path: string): Stats | undefined => {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
};

/** The facts of a plain file in plain folders of the cache; undefined where there is none, null where it is something else. */
export function plainFile(path: string): Stats | null | undefined {
  const folders = [dirname(dirname(path)), dirname(path)].map(factsOf);
  if (folders.some((facts) => facts !== undefined && !facts.isDirectory())) return null;
  const facts = factsOf(path);
  return facts === undefined || facts.isFile() ? facts : null;
}

/** What has the name of a blob or of an entry, in the order of names. Other names are not of the cache. */
export function* filesOf({ folder }: Place, kind: "blobs" | "entries"): Generator<{ name: string; path: string }> {
  const ending = kind === "entries" ? ".json" : "";
  const root = join(folder, kind);
  for (const shard of namesIn(root).filter((name) => /^[0-9a-f]{2}$/.test(name)))
    for (const file of namesIn(join(root, shard))) {
      const name = file.slice(0, file.length - ending.length);
      if (file === name + ending && /^[0-9a-f]{64}$/.test(name) && name.startsWith(shard))
        yield { name, path: join(root, shard, file) };
    }
}

/** The names in a folder, in order; none where there is no folder, or a link to one. */
function namesIn(folder: string): string[] {
  if (factsOf(folder)?.isDirectory() !== true) return [];
  try {
    return readdirSync(folder).toSorted();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** Writes a file that appears at its place in the cache when it is whole. Throws what the file system refuses. */
export function writeInto(cache: Place, path: string, parts: Iterable<Uint8Array>): void {
  const folder = temporaryFolder(cache);
  for (const made of [folder, dirname(path)]) makePlainFolder(cache, made);
  const temporary = join(folder, ownedName());
  try {
    const descriptor = openSync(temporary, "wx");
    try {
      for (const part of parts)
        for (let done = 0; done < part.length;)
          done += writeSync(descriptor, part, done, Math.min(part.length - done, 2 ** 30));
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Makes a folder of the cache with those above. Throws TimmcError `io` where it, or `blobs` or `entries`, is a link. */
function makePlainFolder({ folder: root }: Place, folder: string): void {
  makeFolder(folder);
  for (let place = folder; place !== root; place = dirname(place))
    if (factsOf(place)?.isDirectory() !== true)
      throw new TimmcError("io", "this is a link, and the cache follows none", { trail: [place] });
}

/** Says that a file was used now, and whether that could be said: of another user's file it cannot. */
export function touch(path: string): boolean {
  const now = new Date();
  try {
    utimesSync(path, now, now);
    return true;
  } catch {
    return false;
  }
}

/** Takes a file of the cache away and says whether it is gone; a folder under its name stays. */
export function removePlace(path: string): boolean {
  try {
    rmSync(path, { force: true });
    return true;
  } catch {
    return false;
  }
}

/** The time by the clock that the cache's files have, which may be another machine's; else by this one's. */
export function clockOf(cache: Place): number {
  const path = join(temporaryFolder(cache), ownedName());
  try {
    closeSync(openSync(path, "wx"));
    return lstatSync(path).mtimeMs;
  } catch {
    return Date.now();
  } finally {
    removePlace(path);
  }
}

/** Milliseconds after which a temporary file is nobody's, whatever machine it is of. */
const abandoned = 3_600_000;

/** Takes away what writers left that are gone. */
export function sweepTemporaries(cache: Place, now: number): void {
  const folder = temporaryFolder(cache);
  for (const name of namesIn(folder)) {
    const facts = factsOf(join(folder, name));
    if (facts?.isFile() === true && isAbandoned(name, now - facts.mtimeMs, abandoned)) removePlace(join(folder, name));
  }
}
