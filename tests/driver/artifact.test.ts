import { createHash } from "node:crypto";
import {
  cpSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { loadArtifact, runnableModel } from "../../src/driver/artifact.ts";
import type { Certificate } from "../../src/driver/certificate.ts";
import { compileTiny, refusal, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();
let count = 0;

beforeAll(async () => {
  await compileTiny(at("sound"));
});

type Json = Record<string, unknown>;

/** A copy of the sound artifact, changed. */
function broken(change: (folder: string) => void): string {
  const folder = at(`broken-${count++}`);
  cpSync(at("sound"), folder, { recursive: true });
  change(folder);
  return folder;
}

const withManifest = (change: (manifest: Json) => unknown): string =>
  broken((folder) => {
    const path = join(folder, "manifest.json");
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, "utf8")) as Json)));
  });

const withFile = (file: Json): string => withManifest((m) => ({ ...m, files: [...(m["files"] as Json[]), file] }));
const nothing = { bytes: 0, sha256: createHash("sha256").digest("hex") };

test("a sound artifact loads, without a certificate", async () => {
  const artifact = await loadArtifact(at("sound"));
  const bytes = readFileSync(join(at("sound"), "manifest.json"));
  expect(artifact.manifest).toEqual(JSON.parse(bytes.toString()));
  expect(artifact.manifestSha256).toBe(createHash("sha256").update(bytes).digest("hex"));
  expect(artifact.certificate).toBeUndefined();
  expect(runnableModel(artifact)).toBe(join(at("sound"), "model.onnx"));
});

test("an artifact that says more than this version knows still loads", async () => {
  const folder = withManifest((m) => ({ ...m, later: { more: true } }));
  expect((await loadArtifact(folder)).manifest).not.toHaveProperty("later");
});

test("an artifact without weights loads and has no runnable model", async () => {
  await compileTiny(at("structure"), { weights: "none" });
  const artifact = await loadArtifact(at("structure"));
  expect(() => runnableModel(artifact)).toThrow(/has no weights/);
});

describe("refused:", () => {
  const cases: readonly (readonly [string, () => string, RegExp])[] = [
    ["no folder", () => at("absent"), /^io: .*absent: there is no such folder/],
    ["a file", () => join(at("sound"), "model.onnx"), /this is a file, not a folder/],
    [
      "no manifest",
      () => broken((f) => unlinkSync(join(f, "manifest.json"))),
      /not an artifact: the folder has no manifest\.json/,
    ],
    ["an array", () => withManifest(() => []), /the manifest is not a JSON object/],
    ["null", () => withManifest(() => null), /the manifest is not a JSON object/],
    ["an empty object", () => withManifest(() => ({})), /damaged: manifest_version: /],
    ["another version", () => withManifest((m) => ({ ...m, manifest_version: 9 })), /^unsupported: .*has version 9/],
    ["a missing field", () => withManifest((m) => ({ ...m, outputs: undefined })), /damaged: outputs: /],
    [
      "a wrong type deep inside",
      () => withManifest((m) => ({ ...m, input: { ...(m["input"] as Json), mean: ["0.5"] } })),
      /damaged: input\.mean\.0: /,
    ],
    [
      "an input of rank 3",
      () => withManifest((m) => ({ ...m, input: { ...(m["input"] as Json), shape: ["N", 3, 64] } })),
      /input\.shape has 3 dimensions/,
    ],
    ["not JSON", () => broken((f) => writeFileSync(join(f, "manifest.json"), "{")), /this is not JSON/],
    ["not UTF-8", () => broken((f) => writeFileSync(join(f, "manifest.json"), Buffer.of(0xff))), /this is not JSON/],
    [
      "a huge manifest",
      () => broken((f) => truncateSync(join(f, "manifest.json"), 2 ** 31)),
      /the file has 2147483648 bytes; at most/,
    ],
    [
      "a manifest that is a folder",
      () =>
        broken((f) => {
          rmSync(join(f, "manifest.json"));
          mkdirSync(join(f, "manifest.json"));
        }),
      /this is not a file|cannot be read/,
    ],
    ["a path upwards", () => withFile({ path: "../x", ...nothing }), /files\.4\.path: must be a relative path/],
    ["an absolute path", () => withFile({ path: "/etc/hostname", ...nothing }), /files\.4\.path: must be a relative/],
    ["a file twice", () => withFile({ path: "Model.onnx", ...nothing }), /lists "model\.onnx" twice/],
    ["a model that is not listed", () => withManifest((m) => ({ ...m, files: [] })), /files does not list model\.onnx/],
    ["a missing file", () => withFile({ path: "weights.bin", ...nothing }), /weights\.bin: .*the file is missing/],
    [
      "a truncated model",
      () => broken((f) => truncateSync(join(f, "model.onnx"), 100)),
      /model\.onnx: .*has 100 bytes and the manifest says/,
    ],
    [
      "a changed model",
      () =>
        broken((f) => {
          const path = join(f, "model.onnx");
          const bytes = readFileSync(path);
          bytes[1000] = (bytes[1000] ?? 0) ^ 1;
          writeFileSync(path, bytes);
        }),
      /model\.onnx: .*its SHA-256 is not the one/,
    ],
  ];
  test.each(cases)("%s", async (_, make, message) => {
    expect(await refusal(loadArtifact(make()))).toMatch(message);
  });

  test.skipIf(process.platform === "win32")("a link out of the folder, whatever it holds", async () => {
    const folder = broken((f) => {
      rmSync(join(f, "model.onnx"));
      symlinkSync(join(at("sound"), "model.onnx"), join(f, "model.onnx"));
    });
    expect(await refusal(loadArtifact(folder))).toMatch(/a link that leads out of the folder/);
    const inside = broken((f) => {
      linkSync(join(f, "model.onnx"), join(f, "copy.onnx"));
      rmSync(join(f, "model.onnx"));
      symlinkSync("copy.onnx", join(f, "model.onnx"));
    });
    expect(await refusal(loadArtifact(inside))).toBe("no refusal");
  });
});

describe("a certificate", () => {
  const certificate = (manifest_sha256: string): Certificate => ({
    certificate_version: 2,
    manifest_sha256,
    compiler: { name: "timmc", version: "0" },
    runtime: { name: "onnxruntime-node", version: "0", device: null },
    passed: true,
    inputs: [{ name: "zeros", shape: [1, 3, 64, 64], reference: "unoptimised" }],
    outputs: [
      {
        name: "logits",
        dtype: "f32",
        max_abs_error: 0,
        error_of_std: 0,
        budget_used: 0,
        budget_moved: null,
        budget: { of_std: 0, of_absmax: 0 },
        worst_input: "zeros",
        passed: true,
        problem: null,
      },
    ],
    failure: null,
  });

  const load = async (text: (own: Certificate) => unknown): Promise<Certificate | undefined> => {
    const { manifestSha256 } = await loadArtifact(at("sound"));
    const folder = broken((f) =>
      writeFileSync(join(f, "certificate.json"), JSON.stringify(text(certificate(manifestSha256)))),
    );
    return (await loadArtifact(folder)).certificate;
  };

  test("of the artifact's own bytes counts", async () => {
    expect(await load((own) => own)).toMatchObject({ passed: true });
  });

  test.each<[string, (own: Certificate) => unknown]>([
    ["of other bytes", (own) => ({ ...own, manifest_sha256: "0".repeat(64) })],
    ["that failed", (own) => ({ ...own, passed: false })],
    ["with an output that failed", (own) => ({ ...own, outputs: own.outputs.map((o) => ({ ...o, passed: false })) })],
    ["of another version", (own) => ({ ...own, certificate_version: 1 })],
    ["that lacks a field", (own) => ({ ...own, outputs: undefined })],
    ["that is an array", () => []],
  ])("%s is none", async (_, text) => {
    expect(await load(text)).toBeUndefined();
  });

  test("does not outlive its manifest", async () => {
    const folder = broken(() => {});
    const { manifestSha256 } = await loadArtifact(folder);
    writeFileSync(join(folder, "certificate.json"), JSON.stringify(certificate(manifestSha256)));
    expect((await loadArtifact(folder)).certificate).toBeDefined();
    await compileTiny(folder, { optimization: "O0" });
    expect((await loadArtifact(folder)).certificate).toBeUndefined();
  });
});
