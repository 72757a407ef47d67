import type { z } from "zod";
import { createHash } from "node:crypto";
import { messageOf } from "../../ir/caught.ts";
import { readBounded } from "../../runtime/read-file.ts";
import { parseManifest } from "../artifact.ts";
import type { Frozen, Manifest } from "../manifest.ts";
import type { entryFileSchema } from "./entry-schema.ts";
import type { BuildCache } from "./folder.ts";
import { entryPath, plainFile, writeInto } from "./places.ts";

/** What an artifact is made of. The schema says what each field means. */
export type Entry = Frozen<z.infer<typeof entryFileSchema>>["entry"];
export type Segment = Entry["files"][number]["segments"][number];

/** An entry whose parts agree. */
export interface OpenedEntry extends Entry {
  readonly parsed: Manifest;
}

/** Far above the manifest and the segments of the largest artifact. */
const maxEntryBytes = 64 * 2 ** 20;

const sha256Of = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Why a file of the cache is not what its name says. */
export class DamagedEntry extends Error {
  override readonly name = "DamagedEntry";
}

/**
 * The entry of a key, checked against its own hash, its schema and its manifest; undefined where there is none. Throws
 * DamagedEntry with the reason where something lies there that is not to be trusted.
 */
export async function readEntry(cache: BuildCache, key: string): Promise<OpenedEntry | undefined> {
  const entry = await readListing(cache, key);
  return entry === undefined ? undefined : trusting(() => withManifest(entry));
}

/** The same without a look at the manifest: which blobs an entry names. */
export async function readListing(cache: BuildCache, key: string): Promise<Entry | undefined> {
  const path = entryPath(cache, key);
  const facts = plainFile(path);
  if (facts === undefined) return undefined;
  if (facts === null) throw new DamagedEntry("it is no plain file");
  try {
    return await trusting(() => parsed(key, readBounded(path, maxEntryBytes)));
  } catch (error) {
    if (plainFile(path) === undefined) return undefined;
    throw error;
  }
}

/** `body()`; what it refuses is damage. */
async function trusting<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw error instanceof DamagedEntry ? error : new DamagedEntry(messageOf(error));
  }
}

async function parsed(key: string, bytes: Uint8Array): Promise<Entry> {
  const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  const { entryFileSchema } = await import("./entry-schema.ts");
  const { success, data, error } = entryFileSchema.safeParse(value);
  if (!success) throw new DamagedEntry(`it does not fit its schema (${error.issues[0]?.path.join(".")})`);
  const { sha256, entry } = data;
  const text = JSON.stringify((value as { readonly entry: unknown }).entry);
  if (sha256Of(text) !== sha256) throw new DamagedEntry("its SHA-256 is not the one that it names");
  if (entry.key !== key) throw new DamagedEntry("it is of another key");
  return entry;
}

async function withManifest(entry: Entry): Promise<OpenedEntry> {
  await parseManifest(entry.key, Buffer.from(entry.manifest));
  const parsed = JSON.parse(entry.manifest) as Manifest;
  const fits =
    parsed.files.length === entry.files.length &&
    parsed.files.every(({ path, bytes }, i) => {
      const file = entry.files[i];
      return file?.path === path && file.segments.reduce((n, s) => n + s.bytes, 0) === bytes;
    });
  if (!fits) throw new DamagedEntry("its files are not those of its manifest");
  return { ...entry, parsed };
}

/** Puts an entry in place at once, in place of an older one. Throws what the file system refuses. */
export function writeEntry(cache: BuildCache, entry: Entry): void {
  const text = JSON.stringify({ sha256: sha256Of(JSON.stringify(entry)), entry });
  writeInto(cache, entryPath(cache, entry.key), [Buffer.from(text)]);
}
