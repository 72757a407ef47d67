import { createHash } from "node:crypto";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { verify } from "../../src/driver/verify.ts";
import { differencesBetween } from "../../src/driver/verify-difference.ts";
import { compileTiny, refusal, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();
let copies = 0;

beforeAll(async () => {
  await compileTiny(at("sound"), { args: { num_classes: 7 } });
});

type Json = Record<string, unknown>;

/** Puts a value at `a.b.0.c` of a JSON object; undefined takes it away. */
function put(object: Json, path: string, value: unknown): void {
  const [key = "", ...rest] = path.split(".");
  if (rest.length > 0) put(object[key] as Json, rest.join("."), value);
  else object[key] = value;
}

/** A copy of the sound artifact whose manifest says something else. */
function edited(changes: Json): string {
  const folder = at(`edited-${copies++}`);
  cpSync(at("sound"), folder, { recursive: true });
  const path = join(folder, "manifest.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as Json;
  for (const [field, value] of Object.entries(changes)) put(manifest, field, value);
  writeFileSync(path, JSON.stringify(manifest));
  return folder;
}

test.each<[string, Json, RegExp]>([
  ["optimization", { "request.optimization": "O0" }, /^(?:macs_optimized|graph\.|passes\.).* \(-O0, opset 17\)/],
  ["passes", { "request.passes": ["dead-code"] }, /\(--passes dead-code, opset 17\)/],
  [
    "onnx_ops",
    { "request.onnx_ops": "ort" },
    /^(?:macs_optimized|graph\.|passes\.).*\(-O2, --onnx-ops ort, opset 17\)/,
  ],
  ["opset", { "target.opset": 18 }, /^target\.opset is recorded as 18 and is 17 of this source/],
  ["macs", { macs: 5 }, /^macs is recorded as 5 and is \d+ of/],
  ["macs_optimized", { macs_optimized: 5 }, /^macs_optimized is recorded as 5 and/],
  ["nodes", { "graph.nodes.after": 1 }, /^graph\.nodes\.after is recorded as 1 and/],
  ["weight bytes", { "graph.weight_bytes.after": 1 }, /^graph\.weight_bytes\.after is recorded as 1 and/],
  [
    "a pass's counts",
    { "passes.0.counts": { "dead-code": 99 } },
    /^passes\.0\.counts\.dead-code is recorded as 99 and/,
  ],
  ["params", { params: 5 }, /^params is recorded as 5 and is \d+ .*compile the model again\.$/],
  ["mean", { "input.mean.1": 0.25 }, /^input\.mean\.1 is recorded as 0\.25 and/],
  ["std", { "input.std": [1, 1, 1] }, /^input\.std\.0 is recorded as 1 and .*, and 2 more fields differ/],
  ["labels", { labels: ["cat"] }, /^labels is recorded as \["cat"\] and is null of/],
  ["classes", { num_classes: 1000 }, /^num_classes is recorded as 1000 and is 7 of/],
  ["layout", { "input.layout": "NHWC" }, /^input\.layout is recorded as "NHWC" and is "NCHW" of/],
  ["normalized", { "input.normalized": "inside" }, /^input\.dtype is recorded as "f32" and is "u8" of/],
  ["a shape", { "outputs.0.shape": ["N", 8] }, /^outputs\.0\.shape\.1 is recorded as 8 and is 7 of/],
  [
    "a notice",
    { notices: ["all is well"] },
    /^notices\.0 is recorded as "all is well" and is "the weights are synthetic: /,
  ],
  ["an argument", { "request.args": { num_classes: 9 } }, /^outputs\.0\.shape\.1 is recorded as 7 and is 9 of/],
])("a manifest that lies about %s fails", async (_, changes, message) => {
  const folder = edited(changes);
  cpSync(join(folder, "manifest.json"), join(folder, "certificate.json"));
  const { passed, failure, outputs } = await verify(folder);
  expect({ passed, stage: failure?.stage }).toEqual({ passed: false, stage: "manifest" });
  expect(failure?.message).toMatch(message);
  expect(outputs[0]).toMatchObject({ passed: false, problem: "not run" });
  expect(existsSync(join(folder, "certificate.json"))).toBe(false);
});

test.each<[string, Json, RegExp]>([
  ["no pass", { "request.passes": ["nonsense"] }, /damaged: timmc has no pass "nonsense"/],
  ["no operator set", { "target.opset": 99 }, /damaged: target\.opset is 99, which timmc does not write/],
  ["no argument", { "request.args": { depths: 3 } }, /damaged: /],
  ["no tap", { "request.taps": ["nonsense"] }, /damaged: .*nonsense/],
  ["no model", { "source.model": "nonsense" }, /damaged: .*nonsense/],
])("a manifest whose request names %s is damaged", async (_, changes, message) => {
  const said = await refusal(verify(edited(changes)));
  expect(said).toMatch(/^io: .*manifest\.json/);
  expect(said).toMatch(message);
  expect(said).toMatch(/edited, or written by another version of timmc: compile the model again/);
});

test.each(["request.precision", "input.gamma", "outputs.0.scale", "target.device", "graph.more", "passes.0.more"])(
  "a manifest with the unknown field %s is refused",
  async (field) => {
    expect(await refusal(verify(edited({ [field]: 1 })))).toMatch(/^io: .*manifest\.json: the artifact is damaged: /);
  },
);

test("a model file of another level fails although its outputs are right", async () => {
  await compileTiny(at("O0"), { args: { num_classes: 7 }, optimization: "O0" });
  const [folder, other] = [edited({}), at("O0")];
  cpSync(join(other, "model.onnx"), join(folder, "model.onnx"));
  const read = (path: string): Json => JSON.parse(readFileSync(join(path, "manifest.json"), "utf8")) as Json;
  writeFileSync(join(folder, "manifest.json"), JSON.stringify({ ...read(folder), files: read(other)["files"] }));
  const { passed, outputs, failure } = await verify(folder);
  expect({ passed, outputs: outputs.every((o) => o.passed) }).toEqual({ passed: false, outputs: true });
  expect(failure).toMatchObject({ stage: "artifact", message: expect.stringMatching(/not with the nodes/) });
});

test("a file that ONNX Runtime refuses comes with what to do, although its hash is the manifest's", async () => {
  const folder = edited({});
  const bytes = readFileSync(join(folder, "model.onnx"));
  bytes.fill(0xff, 40, 400);
  writeFileSync(join(folder, "model.onnx"), bytes);
  const path = join(folder, "manifest.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as Json;
  put(manifest, "files.0.sha256", createHash("sha256").update(bytes).digest("hex"));
  writeFileSync(path, JSON.stringify(manifest));
  expect(await refusal(verify(folder))).toMatch(
    /^unsupported: .*model\.onnx: ONNX Runtime does not load .*\n {2}Compile/s,
  );
});

test("what the passes of another version made of the network is that version's", async () => {
  const of = { "compiler.version": "0.0.0" };
  expect(await verify(edited({ ...of, macs_optimized: 5, notices: ["x"] }))).toMatchObject({ passed: true });
  expect(await verify(edited({ ...of, params: 5 }))).toMatchObject({ passed: false, failure: { stage: "manifest" } });
});

test("JSON differs nowhere from itself, and at the leaf that is changed", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(differencesBetween(value, structuredClone(value))).toEqual([]);
      expect(differencesBetween({ a: [value] }, { a: [{ value }] }).length).toBeGreaterThan(0);
    }),
  );
  expect(differencesBetween({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] })).toEqual([
    { field: "a.1.b", recorded: 2, given: 3 },
  ]);
});
