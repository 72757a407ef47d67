import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { shapesModel, temporaryFolder } from "../driver/workspace.ts";
import { cli, cliJson } from "./run-cli.ts";

const at = temporaryFolder();
let cache: string;

const compile = (out: string, ...args: string[]) =>
  cli(["compile", `local-dir:${shapesModel}`, "-o", at(out), "--build-cache", cache, ...args]);

beforeAll(async () => {
  cache = at("cache");
  expect((await compile("one")).status).toBe(0);
  expect((await compile("two", "--opset", "20")).status).toBe(0);
});

test("compile takes an artifact from the cache, with its certificate where it has one", async () => {
  const first = await compile("again", "--verify");
  expect(first).toMatchObject({ status: 0, out: expect.stringMatching(/\ncertified|passed|every output/i) });
  expect(first.err).toContain("note: the artifact is from the build cache\n");
  expect(first.err).not.toContain("no passes");
  expect(readdirSync(at("again"))).toContain("certificate.json");
  const manifest = await cliJson("compile", `local-dir:${shapesModel}`, "-o", at("json"), "--build-cache", cache);
  expect(manifest).toMatchObject({ manifest_version: 2 });
  expect(readdirSync(at("json"))).toContain("certificate.json");
});

test("--print-ir-after has nothing to print of an artifact that is kept", async () => {
  const { status, err } = await compile("ir", "--print-ir-after", "all");
  expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining("cannot be used with") });
});

test("cache ls is a table for people, and JSON", async () => {
  const { status, out } = await cli(["cache", "ls", "--build-cache", cache]);
  expect(status).toBe(0);
  const [head = "", ...rows] = out.split("\n");
  expect(head).toMatch(/^model +target +precision +size +taps +own +shared +last use, UTC +key$/);
  expect(rows[0]).toMatch(
    /^test_resnet\S* +onnx +fp32 +\d+x\d+ +logits +[\d.]+ \w+ +[\d.]+ \w+ +[\d-]+ [\d:]+ +[0-9a-f]{12}$/,
  );
  expect(out).toMatch(
    /\nartifacts +2\nstored +[\d.]+ \w+ of 20\.0 GiB, in \d+ blobs\nwithout sharing +[\d.]+ \w+\nfolder +\S+\n$/,
  );
  const listed = await cliJson("cache", "ls", "--build-cache", cache);
  expect(listed).toMatchObject({ entries: [{ target: "onnx", precision: "fp32" }, { target: "onnx" }], damaged: [] });
});

test("cache verify says what was damaged, and ends with 1 once", async () => {
  expect(await cli(["cache", "verify", "--build-cache", cache])).toMatchObject({ status: 0 });
  const [shard = ""] = readdirSync(join(cache, "entries"));
  const [entry = ""] = readdirSync(join(cache, "entries", shard));
  writeFileSync(join(cache, "entries", shard, entry), "{}");
  const { status, out, err } = await cli(["cache", "verify", "--build-cache", cache]);
  expect({ status, out }).toEqual({
    status: 1,
    out: expect.stringMatching(
      /^entry [0-9a-f]{64}: it does not fit its schema \(.*\)\n2 artifacts and \d+ blobs of .* looked at, 1 damaged\n$/,
    ),
  });
  expect(err).toMatch(/^timmc: .*: 1 file of the cache was damaged\n {2}They are gone/);
  expect(await cliJson("cache", "verify", "--build-cache", cache)).toMatchObject({ entries: 1, damaged: [] });
});

test("cache prune makes room", async () => {
  expect(await cli(["cache", "prune", "--build-cache", cache, "--max-size", "5X"])).toMatchObject({ status: 2 });
  expect(await cli(["cache", "prune", "--build-cache", cache, "--all", "--older-than", "3d"])).toMatchObject({
    status: 2,
  });
  expect(await cli(["cache", "prune", "--build-cache", cache, "--older-than", "1d"])).toMatchObject({
    status: 0,
    out: expect.stringMatching(/^0 artifacts and 0 B taken away; 1 and [\d.]+ \w+ left\n$/),
  });
  expect(await cliJson("cache", "prune", "--build-cache", cache, "--all")).toMatchObject({
    entries: { removed: 1, left: 0 },
    bytes: { left: 0 },
  });
  rmSync(cache, { recursive: true });
  expect(await cliJson("cache", "ls", "--build-cache", cache)).toMatchObject({ entries: [], stored_bytes: 0 });
});

test("an unknown subcommand is wrong usage", async () => {
  const { status, err } = await cli(["cache", "prun"]);
  expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining("Did you mean prune?") });
});

test.each(["ls", "prune", "verify"])(
  "cache %s of a folder that is not there says so, and ends with 0",
  async (name) => {
    const { status, err } = await cli(["cache", name, "--build-cache", at("nosuch")]);
    expect({ status, err }).toEqual({ status: 0, err: `note: there is no cache at ${at("nosuch")}\n` });
  },
);
