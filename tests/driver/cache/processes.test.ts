import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { loadArtifact } from "../../../src/driver/artifact.ts";
import { checkCache } from "../../../src/driver/cache/check.ts";
import { buildCache } from "../../../src/driver/cache/folder.ts";
import { cacheInventory } from "../../../src/driver/cache/inventory.ts";
import { pruneCache } from "../../../src/driver/cache/prune.ts";
import { temporaryFolder } from "../workspace.ts";
import { bytesOf, tiny } from "./caches.ts";

/**
 * Processes that share a cache, and processes that are killed. A child is the built program; it ends itself with SIGKILL
 * at the n-th call that touches a file, having done half of it where it is a write; or the cache's disk is full from there.
 * TIMMC_KILLS is how many places are
 * tried of each phase; they are drawn by a generator with a fixed seed.
 */

const at = temporaryFolder();
const dist = process.env["TIMMC_DIST"] ?? join(import.meta.dirname, "../../../dist");
const kills = Number(process.env["TIMMC_KILLS"] ?? 4);

/** Compiles with a cache and prints what came of it, and how many calls touched a file. */
const program = `
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
const [cacheFolder, out, killAt, dist, disk] = process.argv.slice(1);
const { compileCached } = await import(dist + "/driver/cache/compile-cached.js");
const { buildCache } = await import(dist + "/driver/cache/folder.js");
const { requestKey } = await import(dist + "/driver/cache/key.js");
const request = ${JSON.stringify(tiny(""))};
request.out = out;
const known = await requestKey(request);
let calls = 0;
const at = Number(killAt);
const inCache = new Set();
const isFull = (name, args) => disk === "full" && calls >= at && name === "writeSync" && inCache.has(args[0]);
for (const name of ["openSync", "writeSync", "closeSync", "renameSync", "rmSync", "mkdirSync", "utimesSync", "readSync"]) {
  const original = fs[name];
  fs[name] = (...args) => {
    if (++calls === at && disk !== "full") {
      if (name === "writeSync") original(args[0], args[1].subarray(0, args[1].length >> 1));
      process.kill(process.pid, "SIGKILL");
    }
    if (isFull(name, args)) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    const result = original(...args);
    if (name === "openSync") String(args[0]).startsWith(cacheFolder + "/") ? inCache.add(result) : inCache.delete(result);
    return result;
  };
}
syncBuiltinESMExports();
const notes = [];
const { hit } = await compileCached(buildCache({ folder: cacheFolder, note: (text) => notes.push(text) }), request, known);
console.log(JSON.stringify({ hit, calls, notes }));
`;

interface Ended {
  readonly signal: string | null;
  /** What the child printed; undefined for one that was killed. */
  readonly report: { readonly hit: boolean; readonly calls: number; readonly notes: readonly string[] } | undefined;
}

function run(cache: string, out: string, at = 0, disk: "full" | "roomy" = "roomy"): Promise<Ended> {
  const args = ["--input-type=module", "-e", program, cache, out, String(at), pathToFileURL(dist).href, disk];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (bytes: Buffer) => (text += bytes.toString()));
  return new Promise((resolve) =>
    child.on("close", (_, signal) =>
      resolve({ signal, report: text === "" ? undefined : (JSON.parse(text) as Ended["report"]) }),
    ),
  );
}

/** Numbers in [1, most], by a linear congruential generator. */
function* places(seed: number, most: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield 1 + Math.floor((state / 2 ** 32) * most);
  }
}

/** Calls of a run that stores and of one that restores, and the artifact's bytes. */
let whole: { readonly store: number; readonly restore: number; readonly bytes: object };

beforeAll(async () => {
  const first = await run(at("whole"), at("whole-1"));
  const second = await run(at("whole"), at("whole-2"));
  expect([first.report?.hit, second.report?.hit]).toEqual([false, true]);
  whole = { store: first.report?.calls ?? 0, restore: second.report?.calls ?? 0, bytes: bytesOf(at("whole-1")) };
  expect(bytesOf(at("whole-2"))).toEqual(whole.bytes);
});

/** Neither the cache nor the folder has anything that a reader would trust and should not. */
async function expectSound(cache: string, out: string): Promise<void> {
  expect((await checkCache(buildCache({ folder: cache }))).damaged).toEqual([]);
  expect(existsSync(join(cache, "tmp")) ? readdirSync(join(cache, "tmp")) : []).toEqual([]);
  if (existsSync(join(out, "manifest.json"))) await loadArtifact(out);
}

describe("a process that is killed", () => {
  test.each(["store", "restore"] as const)(
    "while it is to %s leaves nothing that is trusted and wrong",
    async (phase) => {
      const drawn = places(phase === "store" ? 1 : 2, whole[phase]);
      for (let n = 0; n < kills; n++) {
        const [cache, out, place] = [at(`${phase}-${n}`), at(`${phase}-${n}-out`), drawn.next().value];
        if (phase === "restore") await run(cache, at("filled"));
        const where = `call ${place} of ${whole[phase]}`;
        expect((await run(cache, out, place)).signal, where).toBe("SIGKILL");
        await expectSound(cache, out);
        const again = await run(cache, out);
        expect(again.report?.notes, where).toEqual([]);
        const files = bytesOf(out);
        for (const [name, bytes] of Object.entries(whole.bytes)) expect(files[name], `${name}, ${where}`).toBe(bytes);
        await expectSound(cache, out);
        for (const folder of [cache, out]) rmSync(folder, { recursive: true });
      }
    },
    600_000,
  );
});

test("a full disk costs the cache, not the artifact, and leaves nothing that is trusted", async () => {
  for (const place of [1, Math.floor(whole.store * 0.6), whole.store - 12]) {
    const [cache, out] = [at(`full-${place}`), at(`full-${place}-out`)];
    const { report } = await run(cache, out, place, "full");
    expect(report?.notes).toEqual([expect.stringMatching(/^the artifact is not kept in .*: ENOSPC/)]);
    expect(bytesOf(out)).toEqual(whole.bytes);
    await expectSound(cache, out);
    expect((await cacheInventory(buildCache({ folder: cache }))).entries).toEqual([]);
    expect((await run(cache, out)).report).toMatchObject({ hit: false, notes: [] });
    expect((await run(cache, out)).report).toMatchObject({ hit: true, notes: [] });
  }
});

describe("processes at once", () => {
  test("that store the same key all end with the same artifact", async () => {
    const outs = ["a", "b", "c"].map((name) => at(`race-${name}`));
    const ended = await Promise.all(outs.map((out) => run(at("race"), out)));
    expect(ended.map((e) => e.report?.notes)).toEqual([[], [], []]);
    for (const out of outs) expect(bytesOf(out)).toEqual(whole.bytes);
    await expectSound(at("race"), at("race-a"));
    expect((await cacheInventory(buildCache({ folder: at("race") }))).entries).toHaveLength(1);
  });

  test("that take everything away while others restore cost those a compile at most", async () => {
    const cache = buildCache({ folder: at("pruned") });
    await run(cache.folder, at("pruned-0"));
    const readers = Promise.all([1, 2, 3].map((n) => run(cache.folder, at(`pruned-${n}`))));
    const over = readers.then(() => true);
    const soon = (): Promise<boolean> => new Promise((resolve) => setTimeout(resolve, 5, false));
    while (!(await Promise.race([over, soon()]))) await pruneCache(cache, { all: true });
    for (const { report } of await readers) expect(report).toBeDefined();
    for (const n of [1, 2, 3]) expect(bytesOf(at(`pruned-${n}`))).toEqual(whole.bytes);
  });
});
