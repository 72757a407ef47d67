import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { exclusively } from "../../../src/driver/build/exclusive.ts";
import { temporaryFolder } from "../workspace.ts";

const at = temporaryFolder();
const root = join(import.meta.dirname, "../../..");

/** Builds run what was built; tests/build.ts has built it. */
const timmc = join(root, "bin/timmc.js");

it("builds that run at once lock every source, and one summary tells of all", async () => {
  const names = ["a", "b", "c", "d"];
  mkdirSync(at("."), { recursive: true });
  for (const name of names) cpSync(join(root, "examples/models/test_resnet.shapes"), at(name), { recursive: true });
  writeFileSync(at("timmc.config.json"), JSON.stringify({ models: names.map((name) => `local-dir:${name}`) }));
  const build = (name: string): Promise<unknown> =>
    promisify(execFile)(
      process.execPath,
      [timmc, "build", "timmc.config.json", "-o", "out", "--no-cache", "--only", `${name}*`],
      { cwd: at(".") },
    );
  await Promise.all(names.map(build));
  const { sources } = JSON.parse(readFileSync(at("timmc.lock.json"), "utf8")) as { sources: object };
  expect(Object.keys(sources)).toEqual(names.map((name) => `local-dir:${name}`));
  const summary = JSON.parse(readFileSync(at("out/build.json"), "utf8")) as { counts: { complete: number } };
  expect(summary.counts.complete).toBe(names.length);
}, 60_000);

it("a file that a killed process had to itself is free again", () => {
  mkdirSync(at("file.taken"), { recursive: true });
  const before = new Date(Date.now() - 60_000);
  utimesSync(at("file.taken"), before, before);
  expect(exclusively(at("file"), () => "mine")).toBe("mine");
});
