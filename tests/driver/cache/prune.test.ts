import { lstatSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { beforeEach, describe, expect, test } from "vitest";
import { keepFile } from "../../../src/driver/cache/blobs.ts";
import { checkCache } from "../../../src/driver/cache/check.ts";
import { compileCached } from "../../../src/driver/cache/compile-cached.ts";
import { type BuildCache, buildCache, durationOf, sizeOf } from "../../../src/driver/cache/folder.ts";
import { cacheInventory } from "../../../src/driver/cache/inventory.ts";
import { blobPath, entryPath, filesOf } from "../../../src/driver/cache/places.ts";
import { pruneCache } from "../../../src/driver/cache/prune.ts";
import { restoreArtifact } from "../../../src/driver/cache/restore.ts";
import { storeCertificate } from "../../../src/driver/cache/store.ts";
import { verify } from "../../../src/driver/verify.ts";
import { refusal, temporaryFolder } from "../workspace.ts";
import { bytesOf, tiny } from "./caches.ts";

const at = temporaryFolder();
const hours = (n: number): Date => new Date(Date.now() - n * 3_600_000);

/** Everything that lies in a cache has its times set back. */
function age(cache: BuildCache, n: number): void {
  for (const kind of ["blobs", "entries"] as const)
    for (const { path } of filesOf(cache, kind)) utimesSync(path, hours(n), hours(n));
}

let caches = 0;
let cache: BuildCache;
/** Three artifacts: the first two have their tensors in common, the third has others. */
let keys: string[];

beforeEach(async () => {
  cache = buildCache({ folder: at(`cache-${caches++}`) });
  keys = [];
  for (const change of [{}, { opset: 20 }, { args: { num_classes: 7 }, cfg: { label_names: null } }]) {
    const { key = "" } = await compileCached(cache, { ...tiny(at("out")), ...change });
    keys.push(key);
  }
});

const left = async (): Promise<string[]> =>
  (await cacheInventory(cache)).entries.map(({ key }) => "abc"[keys.indexOf(key)] ?? "?").toSorted();

const stored = (): number => [...filesOf(cache, "blobs")].reduce((n, { path }) => n + lstatSync(path).size, 0);

describe("room is made", () => {
  test("variants of a model store what they have in common once", async () => {
    const { entries, stored_bytes, bytes_without_sharing } = await cacheInventory(cache);
    expect(entries.map((e) => e.own_bytes + e.shared_bytes <= e.bytes)).toEqual([true, true, true]);
    expect(stored_bytes).toBe(stored());
    expect(stored_bytes).toBeLessThan(0.5 * bytes_without_sharing);
  });

  test("the least recently used goes first, and what is shared stays", async () => {
    age(cache, 2);
    utimesSync(entryPath(cache, keys[0] ?? ""), hours(3), hours(3));
    const full = stored();
    expect(await pruneCache(cache, { maxBytes: full - 1 })).toMatchObject({ entries: { removed: 1, left: 2 } });
    expect(await left()).toEqual(["b", "c"]);
    expect(await restoreArtifact(cache, keys[1] ?? "", at("restored"))).toBeDefined();
    expect((await checkCache(cache)).damaged).toEqual([]);
  });

  test("a hit is a use", async () => {
    age(cache, 2);
    await restoreArtifact(cache, keys[0] ?? "", at("restored"));
    await pruneCache(cache, { olderThan: 3_600_000 });
    expect(await left()).toEqual(["a"]);
  });

  test("the rest fits", async () => {
    age(cache, 2);
    for (const share of [0.99, 0.7, 0.3, 0]) {
      const most = Math.floor(share * stored());
      const { bytes } = await pruneCache(cache, { maxBytes: most });
      expect(bytes.left).toBe(stored());
      expect(stored()).toBeLessThanOrEqual(most);
    }
  });

  test("everything goes, and no folder of it is in the way", async () => {
    await pruneCache(cache, { all: true });
    expect([...filesOf(cache, "blobs"), ...filesOf(cache, "entries")]).toEqual([]);
    expect(await compileCached(cache, tiny(at("out")))).toMatchObject({ hit: false });
    expect(await left()).toEqual(["a"]);
  });

  test("a cache that outgrows its size is pruned when something is stored", async () => {
    age(cache, 2);
    const small = { ...cache, maxBytes: stored() };
    await compileCached(small, { ...tiny(at("out")), args: { num_classes: 9 } });
    expect(stored()).toBeLessThanOrEqual(small.maxBytes);
    expect(await left()).toContain("?");
  });
});

test("a blob that no entry names yet stays while it is young, also one that was there before", async () => {
  const file = at("tensor");
  writeFileSync(file, "tensor".repeat(10_000));
  const { segments } = await keepFile(cache, file, [60_000]);
  const path = blobPath(cache, segments[0]?.sha256 ?? "");
  await pruneCache(cache);
  expect(lstatSync(path).size).toBe(60_000);
  utimesSync(path, hours(1), hours(1));
  expect(await keepFile(cache, file, [60_000])).toEqual({ segments, written: 0 });
  await pruneCache(cache);
  expect(lstatSync(path).size).toBe(60_000);
  utimesSync(path, hours(1), hours(1));
  await pruneCache(cache);
  expect(lstatSync(path, { throwIfNoEntry: false })).toBeUndefined();
});

test("what a process left that is gone is swept; what a living one writes is not", async () => {
  const [first = ""] = readdirSync(join(cache.folder, "tmp"), { encoding: "utf8" });
  expect(first).toBe("");
  const { pid = 0, stdout } = spawnSync(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `import { createHash } from "node:crypto"; import { hostname } from "node:os";
       process.stdout.write(createHash("sha256").update(hostname()).digest("hex").slice(0, 12));`,
    ],
    { encoding: "utf8" },
  );
  const name = (host: string, of: number, n: number): string => `${host}-${of}-${String(n).padStart(16, "0")}`;
  const [dead, alive, foreign, old] = [
    name(stdout, pid, 1),
    name(stdout, process.pid, 2),
    name("0".repeat(12), pid, 3),
    name("0".repeat(12), pid, 4),
  ];
  for (const file of [dead, alive, foreign, old, "notes.txt"]) writeFileSync(join(cache.folder, "tmp", file), "");
  utimesSync(join(cache.folder, "tmp", old), hours(2), hours(2));
  await pruneCache(cache);
  expect(readdirSync(join(cache.folder, "tmp")).toSorted()).toEqual([foreign, alive, "notes.txt"].toSorted());
});

test("a certificate stays with the artifact that it is of", async () => {
  const [key = ""] = keys;
  await restoreArtifact(cache, key, at("certified"));
  const certificate = await verify(at("certified"));
  expect(certificate.passed).toBe(true);
  await storeCertificate(cache, key, at("certified"));
  await storeCertificate(cache, keys[1] ?? "", at("certified"));
  expect(await compileCached(cache, tiny(at("again")))).toMatchObject({ hit: true, certificate });
  expect(bytesOf(at("again"))).toEqual(bytesOf(at("certified")));
  expect((await cacheInventory(cache)).entries.filter((e) => e.certified).map((e) => e.key)).toEqual([key]);
});

describe("sizes and times", () => {
  test.each([
    ["0", 0],
    ["1024", 1024],
    ["5G", 5 * 2 ** 30],
    ["1.5 MiB", 1.5 * 2 ** 20],
    ["2tb", 2 * 2 ** 40],
  ])("%s is a size", (text, bytes) => expect(sizeOf("--max-size", text)).toBe(bytes));

  test.each(["", "G", "-1", "5X", "1e9", "9999999T"])("%j is none", async (text) =>
    expect(await refusal(Promise.resolve().then(() => sizeOf("--max-size", text)))).toMatch(/^usage: --max-size is /),
  );

  test("a time has a unit", async () => {
    expect([durationOf("x", "30d"), durationOf("x", "2w"), durationOf("x", "10s")]).toEqual([
      2_592_000_000, 1_209_600_000, 10_000,
    ]);
    expect(await refusal(Promise.resolve().then(() => durationOf("--older-than", "30")))).toMatch(
      /is no time\n {2}Give/,
    );
  });

  test("the environment says where and how much", () => {
    const of = (env: Record<string, string>, folder?: string) => {
      const { folder: place, maxBytes } = buildCache({ folder }, env);
      return [place, maxBytes];
    };
    expect(of({ TIMMC_CACHE: "/a", XDG_CACHE_HOME: "/b", TIMMC_CACHE_SIZE: "5G" })).toEqual(["/a", 5 * 2 ** 30]);
    expect(of({ TIMMC_CACHE: "", XDG_CACHE_HOME: "/b" })).toEqual([join("/b", "timmc"), 20 * 2 ** 30]);
    expect(of({ TIMMC_CACHE: "/a" }, "/c")).toEqual(["/c", 20 * 2 ** 30]);
    expect(String(of({})[0])).toMatch(/[/\\]\.cache[/\\]timmc$/);
  });
});
