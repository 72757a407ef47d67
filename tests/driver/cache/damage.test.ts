import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { checkCache } from "../../../src/driver/cache/check.ts";
import { compileCached } from "../../../src/driver/cache/compile-cached.ts";
import { type Entry, readEntry } from "../../../src/driver/cache/entry.ts";
import { type BuildCache, buildCache } from "../../../src/driver/cache/folder.ts";
import { cacheInventory } from "../../../src/driver/cache/inventory.ts";
import { blobPath, entryPath } from "../../../src/driver/cache/places.ts";
import { pruneCache } from "../../../src/driver/cache/prune.ts";
import { restoreArtifact } from "../../../src/driver/cache/restore.ts";
import { temporaryFolder } from "../workspace.ts";
import { bytesOf, tiny } from "./caches.ts";

const at = temporaryFolder();

/** A filled cache, its only key, and what its artifact is. */
let full: { readonly folder: string; readonly key: string; readonly entry: Entry; readonly bytes: object };

beforeAll(async () => {
  const cache = buildCache({ folder: at("full") });
  const { key = "" } = await compileCached(cache, tiny(at("reference")));
  const entry = await readEntry(cache, key);
  if (entry === undefined) throw new Error("nothing was stored");
  full = { folder: cache.folder, key, entry, bytes: bytesOf(at("reference")) };
});

let copies = 0;

/** A copy of the filled cache, and what it says. */
function copied(): { readonly cache: BuildCache; readonly notes: string[] } {
  const notes: string[] = [];
  const folder = at(`copy-${copies++}`);
  cpSync(full.folder, folder, { recursive: true });
  return { cache: buildCache({ folder, note: (text) => void notes.push(text) }), notes };
}

/** The large blob, a run of small tensors, a text that is one blob, and the entry. */
const victims = ["large", "run", "text", "entry"] as const;

function pathOf(cache: BuildCache, victim: (typeof victims)[number]): string {
  if (victim === "entry") return entryPath(cache, full.key);
  const [model, ...texts] = full.entry.files;
  const segments = (model?.segments ?? []).toSorted((a, b) => b.bytes - a.bytes);
  const chosen = { large: segments[0], run: segments.at(-1), text: texts[0]?.segments[0] }[victim];
  return blobPath(cache, chosen?.sha256 ?? "");
}

const flip = (path: string, place: number): void => {
  const bytes = readFileSync(path);
  const i = Math.floor(place * (bytes.length - 1));
  bytes.writeUInt8(bytes.readUInt8(i) ^ 16, i);
  writeFileSync(path, bytes);
};

const damagedNote = /^the cache's (?:blob|entry) [0-9a-f]{64} is damaged and gone: .*; the artifact is compiled again$/;

/** What can happen to a file. */
const damages: Record<string, (path: string, cache: BuildCache) => void> = {
  "its first bit is flipped": (path) => flip(path, 0),
  "a bit in its middle is flipped": (path) => flip(path, 0.5),
  "its last bit is flipped": (path) => flip(path, 1),
  "it is cut": (path) => truncateSync(path, Math.floor(readFileSync(path).length / 2)),
  "it is empty": (path) => truncateSync(path, 0),
  "it has grown": (path) => appendFileSync(path, "x"),
  "it is missing": (path) => rmSync(path),
  "it is another's": (path, cache) => {
    const other = path === pathOf(cache, "text") ? pathOf(cache, "run") : pathOf(cache, "text");
    cpSync(other, path);
  },
  "it is a folder": (path) => {
    rmSync(path);
    mkdirSync(path);
  },
};
if (process.platform !== "win32") {
  damages["it is a link to the right bytes"] = (path) => {
    const outside = `${at("outside")}-${copies++}`;
    renameSync(path, outside);
    symlinkSync(outside, path);
  };
  damages["its folder is a link out of the cache"] = (path) => {
    const outside = `${at("outside")}-${copies++}`;
    renameSync(dirname(path), outside);
    symlinkSync(outside, dirname(path));
  };
}

const cases = victims.flatMap((victim) => Object.keys(damages).map((damage) => [victim, damage] as const));

describe("nothing damaged is trusted", () => {
  test.each(cases)("%s: %s", async (victim, damage) => {
    const { cache, notes } = copied();
    damages[damage]?.(pathOf(cache, victim), cache);
    const out = `${cache.folder}-out`;
    expect(await restoreArtifact(cache, full.key, out)).toBeUndefined();
    expect(existsSync(out) ? bytesOf(out) : {}).toEqual({});
    if (damage === "it is missing" && victim === "entry") expect(notes).toEqual([]);
    else expect(notes).toEqual([expect.stringMatching(damagedNote)]);
  });

  test.each(Object.keys(damages))("what was damaged is compiled again: %s", async (damage) => {
    const { cache, notes } = copied();
    damages[damage]?.(pathOf(cache, "large"), cache);
    const out = `${cache.folder}-out`;
    expect(await compileCached(cache, tiny(out))).toMatchObject({ hit: false, key: full.key });
    expect(bytesOf(out)).toEqual(full.bytes);
    expect(notes[0]).toMatch(damagedNote);
    // A folder or a link that somebody put there is not the cache's to take away.
    if (damage.includes("folder")) return expect(notes[1]).toMatch(/^the artifact is not kept in /);
    expect(await restoreArtifact(cache, full.key, out)).toBeDefined();
    expect(bytesOf(out)).toEqual(full.bytes);
    expect((await checkCache(cache)).damaged).toEqual([]);
  });

  test.each(cases.filter(([, damage]) => !damage.includes("folder")))("verify finds %s: %s", async (victim, damage) => {
    const { cache } = copied();
    damages[damage]?.(pathOf(cache, victim), cache);
    const { damaged } = await checkCache(cache);
    const isBlob = victim !== "entry" && damage !== "it is missing";
    const isGone = victim === "entry" && damage === "it is missing";
    expect(damaged.map((d) => d.kind)).toEqual([...(isBlob ? ["blob"] : []), ...(isGone ? [] : ["entry"])]);
    expect((await checkCache(cache)).damaged).toEqual([]);
    expect((await cacheInventory(cache)).entries).toEqual([]);
  });
});

/** An entry as a forger would write it: its own hash is right. */
function forge(cache: BuildCache, change: (entry: Entry) => object): void {
  const { entry_version, key, manifest, files, certificate } = full.entry;
  const entry = change({ entry_version, key, manifest, files, certificate });
  const sha256 = createHash("sha256").update(JSON.stringify(entry)).digest("hex");
  writeFileSync(entryPath(cache, full.key), JSON.stringify({ sha256, entry }));
}

const segmentsOf = ({ files }: Entry): Entry["files"][number]["segments"] => files[0]?.segments ?? [];

const forgeries: Readonly<Record<string, (entry: Entry) => object>> = {
  "two segments have changed places": (entry) => {
    const [a, b, ...rest] = segmentsOf(entry);
    return { ...entry, files: [{ ...entry.files[0], segments: [b, a, ...rest] }, ...entry.files.slice(1)] };
  },
  "a file leaves the folder": (entry) => ({
    ...entry,
    files: entry.files.map((f) => ({ ...f, path: `../${f.path}` })),
    manifest: entry.manifest.replaceAll('"path": "', '"path": "../'),
  }),
  "the path is absolute": (entry) => ({
    ...entry,
    files: entry.files.map((f) => ({ ...f, path: `/${f.path}` })),
  }),
  "a file is missing": (entry) => ({ ...entry, files: entry.files.slice(1) }),
  "it is of another key": (entry) => ({ ...entry, key: "0".repeat(64) }),
  "the manifest is none": (entry) => ({ ...entry, manifest: "{}" }),
  "a size is negative": (entry) => ({
    ...entry,
    files: entry.files.map((f) => ({ ...f, segments: f.segments.map((s) => ({ ...s, bytes: -s.bytes })) })),
  }),
  "a hash leads elsewhere": (entry) => ({
    ...entry,
    files: entry.files.map((f) => ({ ...f, segments: f.segments.map((s) => ({ ...s, sha256: "../../x" })) })),
  }),
  "it has something more": (entry) => ({ ...entry, more: 1 }),
};

test.each(Object.keys(forgeries))("a forged entry is gone: %s", async (name) => {
  const { cache, notes } = copied();
  forge(cache, (entry) => forgeries[name]?.(entry) ?? entry);
  const out = `${cache.folder}-out`;
  expect(await restoreArtifact(cache, full.key, out)).toBeUndefined();
  expect(notes.join()).toMatch(/^the cache's entry [0-9a-f]{64} is damaged and gone: /);
  expect(existsSync(out) ? bytesOf(out) : {}).toEqual({});
  expect(existsSync(entryPath(cache, full.key))).toBe(false);
});

test("a certificate of other bytes is not handed out", async () => {
  const { cache } = copied();
  forge(cache, (entry) => ({ ...entry, certificate: '{"passed": true}' }));
  const out = `${cache.folder}-out`;
  expect(await restoreArtifact(cache, full.key, out)).toMatchObject({ certificate: undefined });
  expect(bytesOf(out)).toEqual(full.bytes);
});

test("a damaged entry does not stop those who make room or list", async () => {
  const { cache, notes } = copied();
  flip(pathOf(cache, "entry"), 0.5);
  expect(await cacheInventory(cache)).toMatchObject({ entries: [], damaged: [full.key] });
  expect(await pruneCache(cache)).toMatchObject({ entries: { removed: 0, left: 0 } });
  expect(notes[0]).toMatch(/is damaged and gone/);
});

test.skipIf(process.platform === "win32")("nothing is written through a link out of the cache", async () => {
  mkdirSync(at("elsewhere"));
  const notes: string[] = [];
  const cache = buildCache({ folder: at("linked"), note: (text) => void notes.push(text) });
  mkdirSync(cache.folder);
  symlinkSync(at("elsewhere"), join(cache.folder, "blobs"));
  const { hit } = await compileCached(cache, tiny(at("linked-out")));
  expect(hit).toBe(false);
  expect(bytesOf(at("linked-out"))).toEqual(full.bytes);
  expect(bytesOf(at("elsewhere"))).toEqual({});
  expect(notes).toEqual([
    expect.stringMatching(/^the artifact is not kept in .*: this is a link, and the cache follows none$/),
  ]);
});
