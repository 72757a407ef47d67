import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { compile } from "../../src/driver/compile.ts";
import { info } from "../../src/driver/info.ts";
import { inspect } from "../../src/driver/inspect.ts";
import { verify } from "../../src/driver/verify.ts";
import { cli } from "../cli/run-cli.ts";
import { type FakeHub, commit, repo, startHub } from "../frontend/hub/fake-hub.ts";
import { refusal, shapesModel, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();
const token = "hf_tokenThatNobodyMaySee";
const model = `hf-hub:${repo}`;
const pinned = `${model}@${commit}`;

let hub: FakeHub;
let cacheDir = "";
beforeEach(async () => {
  const file = (name: string): Uint8Array => readFileSync(join(shapesModel, name));
  hub = await startHub({
    "model.safetensors": { bytes: file("model.safetensors"), lfs: true },
    "config.json": { bytes: file("config.json"), lfs: false },
  });
  cacheDir = mkdtempSync(join(tmpdir(), "timmc-hub-"));
  for (const [name, value] of Object.entries({
    HF_ENDPOINT: hub.endpoint,
    HF_HUB_OFFLINE: "0",
    HF_TOKEN: token,
    HF_HOME: cacheDir,
  }))
    vi.stubEnv(name, value);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  rmSync(cacheDir, { recursive: true });
});

describe("a model of the Hub", () => {
  it("compiles, is recorded by its commit, and is found again without being asked for", async () => {
    const said: string[] = [];
    const manifest = await compile({ model, out: at("hub"), cacheDir, progress: (text) => said.push(text) });
    expect(manifest.source).toMatchObject({ model: pinned, architecture: "test_resnet", hub: { id: repo, commit } });
    expect(manifest.labels).toHaveLength(10);
    expect(said.some((text) => /^model\.safetensors \[=+>? *\] 100% of/.test(text))).toBe(true);
    hub.commit = "f".repeat(40);
    hub.seen.length = 0;
    const certificate = await verify(at("hub"), { cacheDir });
    expect(certificate.passed).toBe(true);
    expect(hub.seen).toEqual([]);
    for (const name of readdirSync(at("hub"))) expect(readFileSync(join(at("hub"), name)).includes(token)).toBe(false);
  });

  it("gives the same model as the folder", async () => {
    const fromHub = await compile({ model, out: at("from-hub"), cacheDir });
    const fromFolder = await compile({ model: `local-dir:${shapesModel}`, out: at("from-folder") });
    expect(fromHub.files).toEqual(fromFolder.files);
    expect(fromHub.source.weights).toEqual(fromFolder.source.weights);
    expect(fromHub.source.config_sha256).toBe(fromFolder.source.config_sha256);
    expect(fromFolder.source.hub).toBeNull();
  });

  it("is inspected and described from its config.json alone", async () => {
    const inspection = await inspect({ model, cacheDir });
    expect(inspection.architecture).toBe("test_resnet");
    expect(await info({ model, cacheDir })).toMatchObject({ model, hub_id: repo, num_classes: 10, named_classes: 10 });
    expect(hub.seen.every(({ url }) => url.endsWith("/config.json"))).toBe(true);
  });

  it("is said to be a cached copy where the Hub is not reached, and the manifest is the same", async () => {
    const first = await compile({ model, out: at("online"), cacheDir });
    hub.fault = () => ({ status: 503 });
    const notes: string[] = [];
    const second = await compile({ model, out: at("cached"), cacheDir, note: (text) => notes.push(text) });
    expect(notes.join()).toContain("the cached copy of commit 0123456789ab is used");
    expect(second).toEqual(first);
  });

  it("is not called a damaged manifest where it is not reached", async () => {
    await compile({ model, out: at("lost"), cacheDir });
    hub.fault = () => ({ status: 401 });
    const text = await refusal(verify(at("lost"), { cacheDir: join(cacheDir, "empty") }));
    expect(text).toContain("shows no repository");
    expect(text).not.toMatch(/damaged/);
  });

  it("with a config.json that is malformed is refused by its place", async () => {
    hub.files.set("config.json", { bytes: Buffer.from("{"), lfs: false });
    expect(await refusal(inspect({ model, cacheDir }))).toContain(`${model} > config.json: `);
  });
});

describe("a timm name", () => {
  const cfg = { hf_hub_id: repo, num_classes: 10, first_conv: "conv1.0" };
  const named = { model: "test_resnet", inputSize: [3, 96, 96], cfg } as const;

  it("takes the repository of its configuration, and verify the same commit", async () => {
    const manifest = await compile({ ...named, out: at("named"), cacheDir });
    expect(manifest.source).toMatchObject({ weights: { kind: "pretrained" }, hub: { id: repo, commit } });
    hub.seen.length = 0;
    expect((await verify(at("named"), { cacheDir })).passed).toBe(true);
    expect(hub.seen).toEqual([]);
  });

  it("says which files it looked for, and reads hf_hub_filename", async () => {
    const weights = hub.files.get("model.safetensors");
    hub.files.delete("model.safetensors");
    const text = await refusal(compile({ ...named, out: at("none"), cacheDir }));
    expect(text).toContain(`${model}: ${repo} has no "model.safetensors"`);
    expect(text).toContain("timm reads model.safetensors, else pytorch_model.bin");
    if (weights !== undefined) hub.files.set("other.safetensors", weights);
    const renamed = { ...named, cfg: { ...cfg, hf_hub_filename: "other.safetensors" } };
    expect((await compile({ ...renamed, out: at("other"), cacheDir })).source.hub).toEqual({ id: repo, commit });
    const escaping = { ...named, cfg: { ...cfg, hf_hub_filename: "../../x.safetensors" } };
    expect(await refusal(compile({ ...escaping, out: at("none"), cacheDir }))).toContain("not the name of a file");
  });

  it("without a repository says what to do", async () => {
    const without = { ...named, cfg: { ...cfg, hf_hub_id: null } };
    expect(await refusal(compile({ ...without, out: at("none"), cacheDir }))).toContain("no pretrained weights");
    const file = { ...named, cfg: { ...cfg, file: "/x.pth" } };
    expect(await refusal(compile({ ...file, out: at("none"), cacheDir }))).toContain("--weights FILE");
    const url = { ...named, cfg: { ...cfg, hf_hub_id: null, url: "https://host/x.pth" } };
    expect(await refusal(compile({ ...url, out: at("none"), cacheDir }))).toContain("Download https://host/x.pth");
  });
});

describe("the command line", () => {
  it("compiles and verifies with --cache-dir, and prints no token", async () => {
    const done = await cli(["compile", model, "-o", at("cli"), "--cache-dir", join(cacheDir, "a"), "--verify"]);
    expect(done.status).toBe(0);
    expect(readdirSync(join(cacheDir, "a"))).toContain("models--timm--fake");
    const again = await cli(["verify", at("cli"), "--cache-dir", join(cacheDir, "a")]);
    expect(again.status).toBe(0);
    const denied = await cli(["info", `${model}@other`, "--cache-dir", join(cacheDir, "a"), "--debug"]);
    expect(denied).toMatchObject({ status: 1 });
    expect(denied.err).toContain('has no branch, tag or commit "other"');
    for (const { out, err } of [done, again, denied]) expect(out + err).not.toContain(token);
  });
});
