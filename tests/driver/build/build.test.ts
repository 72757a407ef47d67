import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { buildCache } from "../../../src/driver/cache/folder.ts";
import { type BuildRun, buildVariants } from "../../../src/driver/build/build.ts";
import { loadConfig } from "../../../src/driver/build/config.ts";
import { summarySchema } from "../../../src/driver/build/summary-schema.ts";
import * as verifying from "../../../src/driver/verify.ts";
import type { BuildSummary } from "../../../src/driver/build/summary.ts";
import type { BuildConfig } from "../../../src/driver/build/variant.ts";
import { refusal, shapesModel, temporaryFolder } from "../workspace.ts";
import { inlineHand } from "./inline-hand.ts";

vi.mock("../../../src/driver/verify.ts", { spy: true });

const at = temporaryFolder();

/** A folder with a configuration and a model of its own. */
function project(name: string, config: BuildConfig): string {
  const folder = at(name);
  mkdirSync(folder, { recursive: true });
  if (!existsSync(join(folder, "shapes"))) cpSync(shapesModel, join(folder, "shapes"), { recursive: true });
  writeFileSync(join(folder, "timmc.config.json"), JSON.stringify(config));
  return folder;
}

async function build(folder: string, run: Partial<BuildRun> = {}): Promise<BuildSummary> {
  const loaded = await loadConfig(join(folder, "timmc.config.json"));
  return buildVariants(loaded, { out: join(folder, "out"), jobs: 2, makeHand: inlineHand, ...run });
}

const statesOf = ({ variants }: BuildSummary): string[] =>
  variants.map((v) => `${v.name} ${v.failure?.message ?? v.origin ?? v.state}`);

/** Every file below a folder, with its hash. */
const hashesOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => statSync(join(folder, name)).isFile())
      .toSorted()
      .map((name) => [
        name,
        createHash("sha256")
          .update(readFileSync(join(folder, name)))
          .digest("hex"),
      ]),
  );

const two: BuildConfig = { models: ["local-dir:shapes"], inputSizes: [64, 96] };

describe("a build", () => {
  it("writes artifacts, a summary that fits its schema, and a lock file; the second finds all of it", async () => {
    const folder = project("first", two);
    const first = await build(folder);
    expect(statesOf(first)).toEqual(["shapes/64x64 built", "shapes/96x96 built"]);
    const again = await build(folder);
    expect(statesOf(again)).toEqual(["shapes/64x64 kept", "shapes/96x96 kept"]);
    expect(first.variants[0]).toMatchObject({
      model: "local-dir:shapes",
      state: "complete",
      artifact: { input: ["N", 3, 64, 64], outputs: ["logits"], params: 373_658 },
    });
    const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(
      z.toJSONSchema(summarySchema, { io: "input" }),
    );
    const written: unknown = JSON.parse(readFileSync(join(folder, "out/build.json"), "utf8"));
    for (const summary of [JSON.parse(JSON.stringify(again)) as unknown, written])
      expect(validate(summary), JSON.stringify(validate.errors)).toBe(true);
    expect(written).toMatchObject({ seconds: null, counts: { variants: 2, complete: 2, built: null } });
    expect(JSON.parse(readFileSync(join(folder, "timmc.lock.json"), "utf8"))).toMatchObject({
      lock_version: 1,
      sources: {
        "local-dir:shapes": { hub: null, weights_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown },
      },
    });
  });

  it("gives the same bytes in another folder, with and without a cache", async () => {
    const config: BuildConfig = {
      ...two,
      targets: ["onnx", "webgpu"],
      models: ["local-dir:shapes", "local-dir:missing"],
    };
    const folders = [project("here", config), project("over/there", config), project("cached", config)];
    const cache = buildCache({ folder: at("cache-same") });
    for (const [i, folder] of folders.entries()) await build(folder, i === 2 ? { cache } : {});
    const [a, b, c] = folders.map((folder) => hashesOf(folder));
    expect(Object.keys(a ?? {}).filter((name) => /model|plan|weights|manifest/.test(name)).length).toBeGreaterThan(8);
    expect(b).toEqual(a);
    expect(c).toEqual(a);
  });

  it("takes what the cache has, and builds again what is no longer whole", async () => {
    const folder = project("caching", two);
    const cache = buildCache({ folder: at("cache") });
    await build(folder, { cache });
    rmSync(join(folder, "out"), { recursive: true });
    expect(statesOf(await build(folder, { cache }))).toEqual(["shapes/64x64 cached", "shapes/96x96 cached"]);
    writeFileSync(join(folder, "out/shapes/64x64/model.onnx"), "damaged");
    expect(statesOf(await build(folder, { cache }))).toEqual(["shapes/64x64 cached", "shapes/96x96 kept"]);
    rmSync(join(folder, "out/shapes/96x96/model.onnx"));
    expect(statesOf(await build(folder))).toEqual(["shapes/64x64 kept", "shapes/96x96 built"]);
  });

  it("goes on where a variant fails, and says why", async () => {
    const config: BuildConfig = {
      models: ["local-dir:shapes", "local-dir:nowhere", "test_vit"],
      inputSizes: [64, 50],
      weights: "synthetic",
    };
    const folder = project("failing", config);
    const ends: string[] = [];
    const summary = await build(folder, { ended: ({ done, of }) => void ends.push(`${done}/${of}`) });
    expect(summary.counts).toMatchObject({ variants: 6, complete: 3, failed: 3 });
    expect(statesOf(summary)).toEqual([
      "shapes/64x64 built",
      "shapes/50x50 built",
      "nowhere/64x64 nowhere: there is no such folder",
      "nowhere/50x50 nowhere: there is no such folder",
      "test_vit.r160_in1k/64x64 built",
      expect.stringMatching(
        /test_vit.r160_in1k\/50x50 .*input height 50 is not divisible by the patch size 16/,
      ) as unknown,
    ]);
    expect(ends).toEqual(["1/6", "2/6", "3/6", "4/6", "5/6", "6/6"]);
    expect(existsSync(join(folder, "out/nowhere/64x64/manifest.json"))).toBe(false);
  });

  it("verifies, keeps certificates, and fails what does not pass", async () => {
    const folder = project("verified", {
      models: ["local-dir:shapes"],
      inputSizes: [32],
      weights: ["pretrained", "none"],
    });
    const cache = buildCache({ folder: at("cache-verified") });
    const { variants } = await build(folder, { verify: true, cache });
    expect(variants.map((v) => v.verification?.passed)).toEqual([true, undefined]);
    expect(variants[0]?.verification?.error_of_std).toBeLessThan(1e-3);
    rmSync(join(folder, "out"), { recursive: true });
    const restored = await build(folder, { cache });
    expect(restored.variants.map((v) => v.verification?.passed)).toEqual([true, undefined]);
    expect(existsSync(join(folder, "out/shapes/pretrained/certificate.json"))).toBe(true);
  }, 60_000);

  it("leaves nothing of a variant that does not pass, in its folder and in the cache", async () => {
    const folder = project("condemned", { models: ["local-dir:shapes"], inputSizes: [32] });
    const cache = buildCache({ folder: at("cache-condemned") });
    await build(folder, { cache });
    vi.spyOn(verifying, "verify").mockResolvedValue({ passed: false, outputs: [], failure: null } as never);
    const { variants } = await build(folder, { cache, verify: true });
    vi.restoreAllMocks();
    expect(variants[0]).toMatchObject({ state: "failed", artifact: null, failure: { code: "numeric" } });
    expect(readdirSync(join(folder, "out/shapes/default"))).toEqual([]);
    expect(statesOf(await build(folder, { cache }))).toEqual(["shapes/default built"]);
  });

  it.each(["file", "file/below"])("refuses an output that is %s once, before any work", async (name) => {
    const folder = project("no-output", two);
    writeFileSync(join(folder, "file"), "");
    expect(await refusal(build(folder, { out: join(folder, name) }))).toMatch(
      /^io: .*file.*: the output folder cannot be written: .*\n {2}Choose another folder with -o/,
    );
    expect(existsSync(join(folder, "timmc.lock.json"))).toBe(false);
  });

  it("locks no source whose variants did not come about", async () => {
    const folder = project("unlocked", {
      models: ["test_vit"],
      inputSizes: [50],
      weights: [{ file: "shapes/model.safetensors" }],
    });
    expect((await build(folder)).counts).toMatchObject({ failed: 1 });
    expect(existsSync(join(folder, "timmc.lock.json"))).toBe(false);
  });

  it("builds a part, and build.json stays whole", async () => {
    const folder = project("part", two);
    await build(folder);
    const whole = readFileSync(join(folder, "out/build.json"), "utf8");
    const some = await build(folder, { only: ["*96*"] });
    expect(statesOf(some)).toEqual(["shapes/96x96 kept"]);
    expect(readFileSync(join(folder, "out/build.json"), "utf8")).toBe(whole);
    const shards = await Promise.all(
      [1, 2].map((index) =>
        build(folder, { out: join(folder, `shard${index}`), shard: { index, of: 2 }, lock: false }),
      ),
    );
    expect(shards.flatMap((s) => s.variants.map((v) => v.name)).toSorted()).toEqual(["shapes/64x64", "shapes/96x96"]);
    expect(readdirSync(join(folder, "shard2"))).toContain("build.2-of-2.json");
    expect(await refusal(build(folder, { only: ["shapes/64x46"] }))).toMatch(
      /^usage: no variant .*\n.*"shapes\/64x64"/,
    );
  });
});

describe("the lock file", () => {
  const weights = (folder: string): string => join(folder, "shapes/model.safetensors");
  const change = (folder: string): void => {
    const bytes = readFileSync(weights(folder));
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(weights(folder), bytes);
  };

  it("refuses a source that changed, by its name, until it is updated", async () => {
    const folder = project("locked", {
      models: ["local-dir:shapes"],
      weights: ["pretrained", { file: "shapes/model.safetensors" }],
    });
    await build(folder);
    change(folder);
    const { variants } = await build(folder);
    expect(variants.map((v) => v.failure?.message)).toEqual([
      expect.stringMatching(
        /^local-dir:shapes is not what timmc.lock.json says: its weights changed from \w{12} to \w{12}$/,
      ),
      expect.stringMatching(/^local-dir:shapes with shapes\/model.safetensors is not what timmc.lock.json says/),
    ]);
    expect(variants[0]?.failure?.hint).toBe("Build with --update-lock to take it as it is now.");
    expect((await build(folder, { updateLock: "all" })).counts.complete).toBe(2);
    expect((await build(folder)).counts).toMatchObject({ complete: 2, kept: 2 });
  });

  it("is written by no frozen build, which refuses what it does not have", async () => {
    const folder = project("frozen", two);
    const { variants } = await build(folder, { frozen: true });
    expect(variants.map((v) => v.failure?.message)).toEqual([
      "timmc.lock.json does not have local-dir:shapes, and --frozen adds nothing",
      "timmc.lock.json does not have local-dir:shapes, and --frozen adds nothing",
    ]);
    expect(existsSync(join(folder, "timmc.lock.json"))).toBe(false);
    await build(folder);
    expect((await build(folder, { frozen: true })).counts.complete).toBe(2);
  });

  it.each(["{}", "nonsense", '{"lock_version":1,"sources":{"a":{"hub":null}}}'])(
    "that is %s is refused",
    async (text) => {
      const folder = project("malformed", two);
      writeFileSync(join(folder, "timmc.lock.json"), text);
      expect(await refusal(build(folder))).toMatch(/^config: .*timmc\.lock\.json: this is no lock file/);
    },
  );
});
