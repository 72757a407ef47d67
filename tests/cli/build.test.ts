import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { loadArtifact } from "../../src/driver/artifact.ts";
import type { BuildSummary } from "../../src/driver/build/summary.ts";
import { shapesModel, temporaryFolder } from "../driver/workspace.ts";
import { command, root } from "../packaging/command.ts";
import { cli } from "./run-cli.ts";

const at = temporaryFolder();
const bin = join(root, "bin/timmc.js");

function project(name: string, config: string, file = "timmc.config.ts"): string {
  mkdirSync(at(name), { recursive: true });
  cpSync(shapesModel, join(at(name), "shapes"), { recursive: true });
  writeFileSync(join(at(name), file), config);
  return at(name);
}

const timmc = (folder: string, ...args: string[]) =>
  command(process.execPath, [bin, ...args], { cwd: folder, env: { TIMMC_CACHE: join(folder, "cache") } });

const config = `import { defineConfig } from "timmc";
export default defineConfig({ models: ["local-dir:shapes"], inputSizes: [64, 96], targets: ["onnx", "webgpu"], opsets: [17, 18] });`;

const temporaries = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.tmp$|timmc-begun$/.test(name));

describe("timmc build", () => {
  it("says before it builds what it would build", async () => {
    const folder = project("dry", config);
    const { status, out } = await cli(["build", join(folder, "timmc.config.ts"), "--dry-run", "--only", "*webgpu*"]);
    expect(status).toBe(0);
    expect(out.split("\n").map((line) => line.trimEnd())).toEqual([
      "variant                    model             target  precision  to build",
      "shapes/64x64-onnx-opset17  local-dir:shapes  onnx    fp32       no",
      "shapes/64x64-onnx-opset18  local-dir:shapes  onnx    fp32       no",
      "shapes/64x64-webgpu        local-dir:shapes  webgpu  fp32       yes",
      "shapes/96x96-onnx-opset17  local-dir:shapes  onnx    fp32       no",
      "shapes/96x96-onnx-opset18  local-dir:shapes  onnx    fp32       no",
      "shapes/96x96-webgpu        local-dir:shapes  webgpu  fp32       yes",
      "",
      'merged: local-dir:shapes inputSize=64 target="webgpu" opset=18 (the target webgpu has no opset: the same as shapes/64x64-webgpu)',
      'merged: local-dir:shapes inputSize=96 target="webgpu" opset=18 (the target webgpu has no opset: the same as shapes/96x96-webgpu)',
      "",
      "6 variants, 2 to build, 2 of the matrix left out",
      "",
    ]);
    expect(existsSync(join(folder, "artifacts"))).toBe(false);
    const json = await cli(["build", join(folder, "timmc.config.ts"), "--dry-run", "--json"]);
    expect(JSON.parse(json.out)).toMatchObject({ variants: { length: 6 }, leftOut: { length: 2 } });
  });

  it("builds on workers; progress goes to stderr, and one document to stdout", async () => {
    const folder = project("whole", config);
    const first = await timmc(folder, "build", "--jobs", "2", "--json");
    expect(
      first.stderr
        .trimEnd()
        .split("\n")
        .map((line) => line.replace(/[\d.]+ s$/, "T").replace(/^\[\d/, "[N"))
        .toSorted(),
    ).toEqual([
      "[N/6] shapes/64x64-onnx-opset17 built in T",
      "[N/6] shapes/64x64-onnx-opset18 built in T",
      "[N/6] shapes/64x64-webgpu built in T",
      "[N/6] shapes/96x96-onnx-opset17 built in T",
      "[N/6] shapes/96x96-onnx-opset18 built in T",
      "[N/6] shapes/96x96-webgpu built in T",
    ]);
    expect(first.status).toBe(0);
    const summary = JSON.parse(first.stdout) as BuildSummary;
    expect(summary.counts).toMatchObject({ variants: 6, complete: 6, built: 6 });
    const again = await timmc(folder, "build", "-o", "elsewhere", "--memory", "1M");
    expect(again.stdout).toMatch(/^variant +target +precision +size +MACs +params +s +state\n/);
    expect(again.stdout).toMatch(/\n6 variants: 0 built, 6 cached, 0 up to date, 0 failed; [\d.]+ MiB, [\d.]+ s\n$/);
    expect(readFileSync(join(folder, "elsewhere/build.json"))).toEqual(
      readFileSync(join(folder, "artifacts/build.json")),
    );
  }, 120_000);

  it("fails where a variant fails, and names it", async () => {
    const text = '{ "models": ["local-dir:shapes", "local-dir:none"], "weights": "none" }';
    const folder = project("fails", text, "timmc.config.json");
    const { status, stdout, stderr } = await timmc(folder, "build");
    expect(status).toBe(1);
    expect(stdout).toMatch(/\n1 variant failed\nnone\/default: none: there is no such folder\n {2}Give the folder/);
    expect(stderr).toMatch(/timmc: 1 of 2 variants failed\n/);
  }, 60_000);

  it.each([
    [["build", "nowhere.json"], 1, /nowhere\.json: there is no such file/],
    [["build", "FILE", "--shard", "3/2"], 2, /--shard takes K\/N/],
    [["build", "FILE", "--memory", "lots"], 2, /--memory is "lots", which is no size/],
    [["build", "FILE", "--jobs", "0"], 2, /must be a positive integer/],
    [["build", "FILE", "--only", "shapes/64"], 2, /no variant has a name like "shapes\/64"/],
    [["build", "FILE", "--watch", "--json"], 2, /--watch and --json do not go together/],
    [["build", "FILE", "--frozen", "--update-lock"], 2, /cannot be used with/],
  ])("%j is refused", async (args, status, message) => {
    const folder = project("refused", config);
    const ended = await cli(args.map((arg) => (arg === "FILE" ? join(folder, "timmc.config.ts") : arg)));
    expect(ended.err).toMatch(message);
    expect({ status: ended.status, out: ended.out }).toEqual({ status, out: "" });
  });
});

const big = `export default { models: ["resnet18", "test_vit"], weights: "synthetic", inputSizes: [64, 96], targets: ["onnx", "webgpu"] };`;

/** A build that is killed after some milliseconds, or ends before. */
async function killed(folder: string, signal: NodeJS.Signals, after: number): Promise<number | null> {
  const child = spawn(process.execPath, [bin, "build", "--jobs", "2"], {
    cwd: folder,
    env: { ...process.env, TIMMC_CACHE: join(folder, "cache") },
    stdio: "ignore",
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  await Promise.race([setTimeout(after), ended]);
  child.kill(signal);
  return ended;
}

describe.runIf(process.platform !== "win32")("a build that ends early", () => {
  it("by kill -9 at random is resumed: nothing that is left is trusted half, and nothing is left over", async () => {
    const folder = project("killed", big);
    for (let i = 0; i < 4; i++) await killed(folder, "SIGKILL", 600 + 900 * Math.random());
    const { status, stdout } = await timmc(folder, "build", "--json");
    expect(status).toBe(0);
    const { variants } = JSON.parse(stdout) as BuildSummary;
    for (const { name, artifact } of variants)
      expect((await loadArtifact(join(folder, "artifacts", name))).manifestSha256).toBe(artifact?.manifest_sha256);
    expect(temporaries(join(folder, "artifacts"))).toEqual([]);
    const fresh = project("fresh", big);
    await timmc(fresh, "build");
    expect(readFileSync(join(folder, "artifacts/build.json"))).toEqual(
      readFileSync(join(fresh, "artifacts/build.json")),
    );
  }, 180_000);

  it("by Ctrl-C says so, and leaves nothing half-written", async () => {
    const folder = project("interrupted", big);
    expect(await killed(folder, "SIGINT", 1500)).toBe(130);
    const out = join(folder, "artifacts");
    expect(existsSync(out) ? temporaries(out) : []).toEqual([]);
    expect(existsSync(join(out, "build.json"))).toBe(false);
  }, 60_000);
});

describe("--watch", () => {
  it("builds again what changed", async () => {
    const folder = project("watched", 'export default { models: ["local-dir:shapes"], inputSizes: [64] };');
    const child = spawn(process.execPath, [bin, "build", "--watch", "--no-cache"], { cwd: folder });
    let err = "";
    child.stderr.on("data", (text: Buffer) => (err += text.toString()));
    const said = async (pattern: RegExp): Promise<void> => {
      for (let i = 0; i < 600 && !pattern.test(err); i++) await setTimeout(50);
      expect(err).toMatch(pattern);
      err = "";
    };
    await said(/shapes\/default built in [^]*watching/);
    writeFileSync(
      join(folder, "timmc.config.ts"),
      'export default { models: ["local-dir:shapes"], inputSizes: [64, 96] };',
    );
    await said(/shapes\/64x64 built[^]*watching|shapes\/96x96 built[^]*watching/);
    writeFileSync(join(folder, "timmc.config.ts"), "export default {");
    await said(/it cannot be loaded[^]*watching/);
    writeFileSync(
      join(folder, "timmc.config.ts"),
      'export default { models: ["local-dir:shapes"], inputSizes: [64, 96] };',
    );
    await said(/shapes\/64x64 is up to date[^]*watching/);
    const weights = join(folder, "shapes/model.safetensors");
    const bytes = readFileSync(weights);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(weights, bytes);
    await said(/shapes\/64x64 built[^]*watching/);
    child.kill("SIGINT");
    expect(await new Promise((end) => child.on("close", end))).toBe(0);
  }, 120_000);
});
