import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { shapesModel, temporaryFolder } from "../workspace.ts";
import { bytesOf } from "./caches.ts";

const at = temporaryFolder();
const root = join(import.meta.dirname, "../../..");

/** The package as it is installed, in a folder of its own, with a model beside it. */
function checkout(name: string): string {
  mkdirSync(at(name), { recursive: true });
  cpSync(process.env["TIMMC_DIST"] ?? join(root, "dist"), join(at(name), "dist"), { recursive: true });
  for (const part of ["data", "package.json"]) cpSync(join(root, part), join(at(name), part), { recursive: true });
  cpSync(shapesModel, join(at(name), "model"), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(at(name), "node_modules"), "junction");
  return at(name);
}

const program = `
const [dist, out, cacheFolder] = process.argv.slice(1);
const { compileCached } = await import(dist + "driver/cache/compile-cached.js");
const { buildCache } = await import(dist + "driver/cache/folder.js");
const request = { model: "local-dir:model", out, taps: ["logits", "features"] };
const { key, hit } = await compileCached(buildCache({ folder: cacheFolder }), request);
console.log(JSON.stringify({ key, hit }));
`;

function compileIn(folder: string, cache: string): { readonly key: string; readonly hit: boolean } {
  const dist = pathToFileURL(join(folder, "dist/")).href;
  const args = ["--input-type=module", "-e", program, dist, join(folder, "out"), cache];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  expect(stderr).toBe("");
  return JSON.parse(stdout) as ReturnType<typeof compileIn>;
}

let [one, two] = ["", ""];
beforeAll(() => {
  one = checkout("here/timmc");
  two = checkout("some/where/else");
}, 60_000);

test("two checkouts in different folders give the same key and the same bytes", () => {
  const [first, second] = [compileIn(one, at("cache-1")), compileIn(two, at("cache-2"))];
  expect(first).toEqual({ key: second.key, hit: false });
  expect(second.hit).toBe(false);
  expect(bytesOf(join(one, "out"))).toEqual(bytesOf(join(two, "out")));
  expect(compileIn(two, at("cache-1"))).toEqual({ key: first.key, hit: true });
  expect(bytesOf(join(two, "out"))).toEqual(bytesOf(join(one, "out")));
});

test.each(["dist/passes/presets.js", "data/results.json"])("a byte more of %s is another compiler", (file) => {
  const { key } = compileIn(one, at("cache-1"));
  appendFileSync(join(two, file), "\n");
  expect(compileIn(two, at("cache-1")).key).not.toBe(key);
});
