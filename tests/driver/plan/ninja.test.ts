import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { refusal, shapesModel, temporaryFolder } from "../workspace.ts";
import { hostileNames, planText, smallConfig, writeConfig } from "./plan.ts";
import { cli } from "../../cli/run-cli.ts";

const at = temporaryFolder();

/**
 * Stands for timmc: notes its arguments in calls.json, and writes the manifest of the variant that it is asked for, unless it
 * is there. `plan` is timmc's own.
 */
const standIn = `
const fs = require("node:fs"), path = require("node:path");
const [command, config, ...rest] = process.argv.slice(2);
fs.appendFileSync(path.join(__dirname, "calls.json"), JSON.stringify([command, config, ...rest]) + "\\n");
if (command !== "build") throw new Error(command);
if (fs.existsSync(path.join(__dirname, "fails")) && rest.at(-1).includes("test_vit")) process.exit(1);
fs.readFileSync(config);
const file = path.join(rest[rest.indexOf("-o") + 1], rest[rest.indexOf("--only") + 1], "manifest.json");
const text = fs.readFileSync(path.join(__dirname, "content"), "utf8");
if (fs.existsSync(file) && fs.readFileSync(file, "utf8") === text) process.exit();
fs.mkdirSync(path.dirname(file), { recursive: true });
fs.writeFileSync(file, text);
`;

const isInstalled = spawnSync("ninja", ["--version"]).status === 0;
if (!isInstalled) console.warn("SKIPPED: ninja is not installed (Debian: apt-get install ninja-build)");

function ninja(folder: string, ...args: string[]): { readonly status: number | null; readonly out: string } {
  const { status, stdout, stderr } = spawnSync("ninja", ["-d", "explain", ...args], { cwd: folder, encoding: "utf8" });
  return { status, out: `${stdout}${stderr}` };
}

/** A folder with a stand-in, whose calls can be read once. */
function workspace(name: string): { readonly folder: string; readonly command: string; calls(): string[][] } {
  const [tools, folder] = [at(`${name}-tools`), at(name)];
  for (const made of [tools, folder]) mkdirSync(made, { recursive: true });
  writeFileSync(join(tools, "timmc.cjs"), standIn);
  writeFileSync(join(tools, "content"), "one");
  const log = join(tools, "calls.json");
  return {
    folder,
    command: `${process.execPath} ${join(tools, "timmc.cjs")}`,
    calls: () => {
      if (!existsSync(log)) return [];
      const lines = readFileSync(log, "utf8").trimEnd().split("\n");
      rmSync(log);
      return lines.map((line) => JSON.parse(line) as string[]);
    },
  };
}

const later = (path: string): void => {
  const time = Date.now() / 1000 + 5;
  utimesSync(path, time, time);
};

describe("a ninja file", () => {
  test("has an edge per variant, pools, and is the same from anywhere", async () => {
    const [one, other] = [writeConfig(join(at("one"), "c.json")), writeConfig(join(at("other"), "c.json"))];
    const text = await planText({ file: one, format: "ninja", out: join(at("one"), "build.ninja") });
    expect(await planText({ file: other, format: "ninja", out: join(at("other"), "build.ninja") })).toBe(text);
    expect([...text.matchAll(/^build artifacts\/\S+\/manifest\.json: variant c\.json$/gm)].length).toBe(4);
    expect(text).toMatch(/^default all$/m);
    expect(text).not.toContain(at(""));
  });

  test("keeps what runs at once to the memory: pools share it, and one always runs", async () => {
    const file = writeConfig(join(at("pools"), "c.json"), { models: ["test_resnet", "vgg19"], weights: "synthetic" });
    const poolsAt = async (memory: number): Promise<[string, number][]> =>
      [...(await planText({ file, format: "ninja", memory })).matchAll(/^pool (\w+)\n {2}depth = (\d+)$/gm)].map(
        ([, name = "", depth]) => [name, Number(depth)],
      );
    const names = (await poolsAt(2 ** 34)).map(([name]) => name);
    expect(names.length).toBe(2);
    expect(await poolsAt(2 ** 20)).toEqual(names.map((name) => [name, 1]));
    const depths = async (gibibytes: number): Promise<number[]> =>
      (await poolsAt(gibibytes * 2 ** 30)).map(([, depth]) => depth);
    const [small = 0, large = 0] = await depths(64);
    expect(large).toBeGreaterThan(1);
    // A need is more than half of its pool's name.
    const least = names.map((name) => Number(/\d+/.exec(name)?.[0]) / 2);
    expect(large * (least[1] ?? 0) + (small * (least[0] ?? 0)) / 2).toBeLessThan(64 * 1024);
    expect((await depths(128))[1]).toBeGreaterThanOrEqual(2 * large);
  });

  test("names local files that variants are made of, and targets for parts", async () => {
    const models = [`local-dir:${shapesModel}`, "test_resnet"];
    const file = writeConfig(join(at("local"), "c.json"), { models, inputSizes: [64, 96] });
    const text = await planText({ file, format: "ninja", out: join(at("local"), "build.ninja"), shards: 3 });
    const inputs = [...text.matchAll(/^build artifacts\/test_resnet\.shapes\S*: variant c\.json (.*)$/gm)];
    expect(inputs.length).toBe(2);
    for (const [, names] of inputs) expect(names).toMatch(/config\.json \S+model\.safetensors$/);
    const parts = [...text.matchAll(/^build shard-(\d): phony (.*)$/gm)].map(([, , outputs]) => outputs?.split(" "));
    expect(parts.length).toBe(3);
    expect(new Set(parts.flat()).size).toBe(4);
    expect(parts.flat().length).toBe(4);
  });

  test("refuses a path with a line end by name", async () => {
    const file = writeConfig(at("line\nend.json"));
    expect(await refusal(planText({ file, format: "ninja" }))).toMatch(/^usage: .*line end or another control/s);
  });
});

describe.skipIf(!isInstalled)("ninja with a plan", () => {
  test("builds every variant once, nothing the second time, and again what changed", async () => {
    const { folder, command, calls } = workspace("runs");
    const weights = join(folder, "w.safetensors");
    writeFileSync(weights, "");
    const config = {
      ...smallConfig,
      include: [{ model: "test_resnet", weights: { file: "w.safetensors" } }],
      weights: undefined,
    };
    const file = writeConfig(join(folder, "c.json"), config);
    const out = join(folder, "build.ninja");
    const plan = await planText({ file, format: "ninja", command, out });
    writeFileSync(out, plan);
    expect(ninja(folder).status).toBe(0);
    const built = calls();
    expect(built.length).toBe(4);
    for (const [program, given, ...rest] of built) {
      expect([program, given, ...rest.slice(0, 3)]).toEqual(["build", "c.json", "-o", "artifacts", "--only"]);
      expect(existsSync(join(folder, "artifacts", rest[3] ?? "", "manifest.json"))).toBe(true);
    }
    expect(ninja(folder).out).toContain("ninja: no work to do.");
    expect(calls()).toEqual([]);
    later(weights);
    expect(ninja(folder).status).toBe(0);
    const names = (all: readonly string[][]): string[] => all.map((call) => call.at(-1) ?? "").toSorted();
    expect(names(calls())).toEqual(names(built).filter((name) => name.startsWith("test_resnet")));
    expect(ninja(folder).out).toContain("ninja: no work to do.");
    writeFileSync(out, plan.replaceAll(/# timmc .*$/gm, "# timmc 99"));
    expect(ninja(folder).status).toBe(0);
    expect(calls().length).toBe(4);
  });

  test("goes on behind a failure with -k 0, and builds what failed the next time", async () => {
    const { folder, command, calls } = workspace("fails");
    const file = writeConfig(join(folder, "c.json"));
    const out = join(folder, "build.ninja");
    writeFileSync(out, await planText({ file, format: "ninja", command, out }));
    const fault = join(at("fails-tools"), "fails");
    writeFileSync(fault, "");
    expect(ninja(folder, "-k", "0").status).not.toBe(0);
    expect(calls().length).toBe(4);
    rmSync(fault);
    expect(ninja(folder).status).toBe(0);
    expect(calls().map((call) => call.at(-1)?.split("/")[0])).toEqual(["test_vit.r160_in1k", "test_vit.r160_in1k"]);
  });

  test.each(hostileNames)("says the names %j to ninja and to the shell as they are", async (name) => {
    const { folder, command, calls } = workspace(`hostile${hostileNames.indexOf(name)}`);
    mkdirSync(join(folder, name), { recursive: true });
    const weights = join(folder, name, `${name}.safetensors`);
    writeFileSync(weights, "");
    const file = writeConfig(join(folder, name, `${name}.json`), {
      models: "test_resnet",
      weights: { file: `${name}.safetensors` },
    });
    const out = join(folder, "build.ninja");
    const text = await planText({ file, format: "ninja", out, command, artifacts: join(folder, `out ${name}`) });
    // The plan's own edge would call timmc for a plan: the stand-in has none.
    writeFileSync(out, text.replace(/^build build\.ninja: plan .*$/m, ""));
    const { status, out: said } = ninja(folder);
    expect([status, status === 0 ? "" : said]).toEqual([0, ""]);
    const place = name.startsWith("-") ? `./${name}` : name;
    expect(calls()).toEqual([
      ["build", `${place}/${name}.json`, "-o", `out ${name}`, "--only", "test_resnet.r160_in1k/default"],
    ]);
    expect(existsSync(join(folder, `out ${name}`, "test_resnet.r160_in1k/default/manifest.json"))).toBe(true);
    expect(ninja(folder).out).toContain("ninja: no work to do.");
    later(weights);
    expect(ninja(folder).status).toBe(0);
    expect(calls().length).toBe(1);
    expect(readdirSync(folder)).not.toContain("pwned");
  });

  test("writes its own file anew when the configuration has other variants", async () => {
    const { folder, calls, command } = workspace("regenerates");
    const file = writeConfig(join(folder, "c.json"));
    const out = join(folder, "build.ninja");
    const bin = join(import.meta.dirname, "../../../bin/timmc.js");
    // timmc's own plan, and the stand-in for everything else.
    const both = join(folder, "both.sh");
    writeFileSync(both, `if [ "$1" = plan ]; then exec ${process.execPath} ${bin} "$@"; fi\nexec ${command} "$@"\n`);
    const options = ["--format", "ninja", "-o", out, "--artifacts", join(folder, "artifacts")];
    const { status, err } = await cli(["plan", file, ...options, "--command", `/bin/sh ${both}`]);
    expect([status, err]).toEqual([0, `${out}: 4 variants\n`]);
    expect(ninja(folder).status).toBe(0);
    expect(calls().length).toBe(4);
    const before = statSync(out).mtimeMs;
    writeConfig(file, { ...smallConfig, inputSizes: [64, 96, 128] });
    expect(ninja(folder).status).toBe(0);
    expect(calls().length).toBe(6);
    expect(statSync(out).mtimeMs).toBeGreaterThan(before);
  });

  test("runs timmc itself: builds, has nothing to do, keeps what a touched file leaves as it is, and builds what is new", async () => {
    const folder = at("real");
    const config = { models: "test_resnet", weights: "synthetic", inputSizes: [64, 96] };
    const file = writeConfig(join(folder, "timmc.config.json"), config);
    const out = join(folder, "build.ninja");
    const bin = join(import.meta.dirname, "../../../bin/timmc.js");
    // A cache of the test's own, and no other.
    const command = `env TIMMC_CACHE=${join(folder, "cache")} ${process.execPath} ${bin}`;
    writeFileSync(out, await planText({ file, format: "ninja", out, command }));
    const manifests = (): string[] =>
      readdirSync(join(folder, "artifacts"), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith("manifest.json"))
        .toSorted();
    expect(ninja(folder).status).toBe(0);
    expect(manifests().length).toBe(2);
    expect(ninja(folder).out).toContain("ninja: no work to do.");
    const [first = ""] = manifests();
    const before = statSync(join(folder, "artifacts", first)).mtimeMs;
    writeConfig(file, { ...config, opsets: [17] });
    expect(ninja(folder).status).toBe(0);
    expect(statSync(join(folder, "artifacts", first)).mtimeMs).toBe(before);
    expect(ninja(folder).out).toContain("ninja: no work to do.");
    writeConfig(file, { ...config, inputSizes: [64, 96, 128] });
    expect(ninja(folder).status).toBe(0);
    expect(manifests().length).toBe(3);
  });
});
