import { createHash } from "node:crypto";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { runCommandLine } from "../../src/cli/main.ts";
import { createShell } from "../../src/cli/shell.ts";
import { certificateSchema } from "../../src/driver/certificate-schema.ts";
import { syntheticInput } from "../../src/frontend/weights/synthetic.ts";
import { formatNpy } from "../../src/runtime/npy.ts";
import { compileTiny, pictures, shapesModel, temporaryFolder } from "../driver/workspace.ts";

const at = temporaryFolder();
const star = join(pictures, "star-1.png");

beforeAll(async () => {
  await compileTiny(at("plain"), { taps: ["logits", "features.0"] });
  await compileTiny(at("shapes"), { model: `local-dir:${shapesModel}`, weights: "pretrained", inputSize: undefined });
  await compileTiny(at("features"), { taps: ["features.0"] });
});

/** Runs the command line with nobody at the terminal. */
async function timmc(...args: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const shell = createShell({
    stdout: { isTerminal: false, write: (text) => void (out += text) },
    stderr: { isTerminal: false, write: (text) => void (err += text) },
    signal: new AbortController().signal,
    color: false,
  });
  return { status: await runCommandLine(args, shell), out, err };
}

describe("run", () => {
  test("prints the classes by name, the likeliest first", async () => {
    const { status, out, err } = await timmc("run", at("shapes"), star, "--top", "2");
    expect(out.split("\n")).toEqual([star, "  92.01 %  star", "   2.21 %  triangle", ""]);
    expect([status, err]).toEqual([0, ""]);
  });

  test("prints summaries where there are no classes", async () => {
    const { status, out } = await timmc("run", at("features"), star);
    expect(out).toMatch(/output +shape +mean +std +min +max\n +features\.0 +f32\[1,32,32,32\] /);
    expect(status).toBe(0);
  });

  test("--json is one document", async () => {
    const { out, err } = await timmc("run", at("shapes"), star, star, "--json");
    const reports = JSON.parse(out) as { image: string; top: { label: string }[] }[];
    expect(reports.map((r) => [r.image, r.top[0]?.label])).toEqual([
      [star, "star"],
      [star, "star"],
    ]);
    expect(err).toBe("");
  });

  test("--tensor and --save", async () => {
    const shape = [2, 3, 64, 64];
    writeFileSync(at("in.npy"), formatNpy({ dtype: "f32", shape, data: syntheticInput(shape) }));
    const { status, out } = await timmc("run", at("plain"), "--tensor", at("in.npy"), "--save", at("saved"), "--json");
    expect(status).toBe(0);
    expect((JSON.parse(out) as { outputs: { file: string }[] }).outputs.map((o) => o.file)).toEqual([
      "logits.npy",
      "features.0.npy",
    ]);
  });

  test.each([
    [["run"], /missing required argument 'dir'/i],
    [["run", "DIR"], /nothing to run/],
    [["run", "DIR", "a.png", "--save", "x"], /--save belongs to --tensor/],
    [["run", "DIR", "a.png", "--tensor", "x.npy"], /two kinds of input/],
    [["run", "DIR", "a.png", "--top", "0"], /must be a positive integer/],
    [["bench"], /missing required argument 'dirs?'/i],
    [["bench", "DIR", "--runs", "many"], /must be a positive integer/],
    [["verify"], /missing required argument 'dir'/i],
  ])("%j is wrong usage", async (args, message) => {
    const { status, out, err } = await timmc(...args);
    expect(err).toMatch(message);
    expect([status, out]).toEqual([2, ""]);
  });
});

describe("verify", () => {
  test("prints what it measured", async () => {
    const { status, out } = await timmc("verify", at("plain"));
    expect(out).toMatch(
      /^output .*\nlogits .* passed\nfeatures\.0 .* passed\n\npassed: 2 outputs in 6 comparisons each\n$/,
    );
    expect(status).toBe(0);
  });

  test("--json prints the certificate, which is also in the folder", async () => {
    const { out } = await timmc("verify", at("shapes"), "--model", `local-dir:${shapesModel}`, "--json");
    const certificate = certificateSchema.parse(JSON.parse(out));
    expect(JSON.parse(readFileSync(join(at("shapes"), "certificate.json"), "utf8"))).toEqual(certificate);
  });

  test("fails with exit 1, the measurements on stdout and the culprit on stderr", async () => {
    const folder = at("spoilt");
    cpSync(at("plain"), folder, { recursive: true });
    const [model, manifest] = [join(folder, "model.onnx"), join(folder, "manifest.json")];
    const bytes = readFileSync(model);
    const sha256 = (b: Uint8Array): string => createHash("sha256").update(b).digest("hex");
    const before = sha256(bytes);
    const behind = bytes.lastIndexOf("fc.weight") + 64;
    bytes.fill(0x41, behind, behind + 400);
    writeFileSync(model, bytes);
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace(before, sha256(bytes)));
    const { status, out, err } = await timmc("verify", folder, "--json");
    expect(status).toBe(1);
    expect(certificateSchema.parse(JSON.parse(out))).toMatchObject({ passed: false, failure: { stage: "artifact" } });
    expect(err).toMatch(/spoilt: logits exceeds its budget\n {2}the model file is not what this timmc makes/);
  });

  test("of no artifact fails with exit 1", async () => {
    expect(await timmc("verify", at("absent"))).toMatchObject({ status: 1, out: "" });
  });
});

test("bench compares with the first artifact, and shows in what they differ", async () => {
  const { status, out, err } = await timmc("bench", at("plain"), at("features"), "--runs", "3", "--threads", "1");
  const [head, first, second] = out.split("\n");
  expect(head).toMatch(/^artifact +model +level +taps +input +batch .* ratio +95 % interval$/);
  expect(first).toMatch(/^\S+plain +test_resnet\.r160_in1k +O2 +logits,features\.0 +f32\[N,3,\d+,\d+\] +1 .* 1\.000$/);
  expect(second).toMatch(/ features\.0 +f32\[N,3,\d+,\d+\] +1 .* \d\.\d{3} +\d\.\d{3} to \d\.\d{3}/);
  expect(out).toMatch(/ratio: time per image over .*\nonnxruntime-node 1\.\S+, 3 runs each, 1 thread\n$/);
  expect(err).toMatch(/^note: the artifacts differ in taps: .*\nnote: 3 runs are too few/);
  expect(status).toBe(0);
  const json = await timmc("bench", at("plain"), "--runs", "2", "--json");
  expect(JSON.parse(json.out)).toMatchObject({ runs: 2, notes: [], artifacts: [{ ratio: 1, batch: 1 }] });
  expect((await timmc("bench", at("plain"), "--runs", "1")).out).not.toContain("ratio");
});
