import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { compile, inspect, loadArtifact, lower, optimize, resolve, run, verify } from "../../src/index.ts";
import { TimmcError } from "../../src/ir/error.ts";
import { refusal, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();

/** A function as a program without types sees it. */
const untyped = (body: unknown): ((...args: unknown[]) => Promise<unknown>) =>
  body as (...args: unknown[]) => Promise<unknown>;

const requests: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
  [{ onnxOps: "foo" }, /^usage: compile: onnxOps is "foo"; it takes "standard" or "ort"$/],
  [{ batch: 0 }, /batch is 0; it takes "dynamic" or an integer of at least 1/],
  [{ batch: 1.5 }, /batch is 1\.5; it takes/],
  [{ batch: -2 }, /batch is -2; it takes/],
  [{ batch: NaN }, /batch is NaN; it takes/],
  [{ optimization: "O3" }, /optimization is "O3"; it takes "O0", "O1" or "O2"/],
  [{ optimization: 2 }, /optimization is 2; it takes "O0"/],
  [{ passes: "none" }, /passes is "none"; it takes a list .*\n {2}The empty list runs no passes\./],
  [{ taps: "logits" }, /taps is "logits"; it takes a list of the names of taps/],
  [{ taps: ["logits", 3] }, /taps is the list \["logits",3\]; it takes a list/],
  [{ opset: "17" }, /opset is "17"; it takes an integer from 17 to \d+/],
  [{ opset: 99 }, /opset is 99; it takes/],
  [{ preprocess: "yes" }, /preprocess is "yes"; it takes true or false/],
  [{ inputSize: [224, 224] }, /inputSize is the list \[224,224\]; it takes \[channels, height, width\]/],
  [{ weights: "x.safetensors" }, /weights is "x\.safetensors"; it takes .* or \{ file: "PATH" \}/],
  [{ args: ["a"] }, /args is the list \["a"\]; it takes an object/],
  [{ model: 5 }, /model is 5; it takes the name of a model/],
  [{ model: undefined }, /model is missing; it takes/],
  [{ level: "O1" }, /there is no key "level"\n {2}Did you mean "optimization"\?/],
  [{ onnx_ops: "ort" }, /there is no key "onnx_ops"\n {2}Did you mean "onnxOps"\?/],
  [{ zzzzzz: 1 }, /there is no key "zzzzzz"\n {2}The keys are model, /],
  [{ toString: 1 }, /there is no key "toString"/],
];

test.each(requests)("compile refuses %o before it writes", async (wrong, message) => {
  const request = { model: "test_resnet", weights: "synthetic", out: at("out"), ...wrong };
  expect(await refusal(untyped(compile)(request))).toMatch(message);
  expect(existsSync(at("out"))).toBe(false);
});

test.each<[unknown, RegExp]>([
  [undefined, /compile: it takes an object, not undefined/],
  ["resnet18", /compile: it takes an object, not "resnet18"/],
])("compile refuses the request %j", async (request, message) => {
  expect(await refusal(untyped(compile)(request))).toMatch(message);
});

test("what is undefined is not given", async () => {
  const request = { model: "test_resnet", taps: undefined, batch: undefined, passes: null };
  expect((await inspect({ model: "test_resnet", batch: undefined, ir: undefined })).features.length).toBeGreaterThan(0);
  expect(await compile({ ...request, weights: "none", out: at("given") })).toMatchObject({ request: { passes: null } });
});

test.each<[string, () => Promise<unknown>, RegExp]>([
  ["resolve", () => untyped(resolve)({ model: "resnet18", taps: [] }), /^usage: resolve: there is no key "taps"/],
  ["lower", () => untyped(lower)({ model: "resnet18", opset: 17 }), /^usage: lower: there is no key "opset"/],
  ["inspect", () => untyped(inspect)({ model: "resnet18", ir: true }), /inspect: ir is true; it takes an object/],
  ["inspect's ir", () => untyped(inspect)({ model: "resnet18", ir: { level: "O1" } }), /inspect > ir: .*"level"/],
  ["verify", () => untyped(verify)("out", { model: 1 }), /^usage: verify: model is 1; it takes local-dir:FOLDER/],
  ["run", () => untyped(run)("out", "cat.png"), /run: images is "cat\.png"; it takes a list of paths/],
  ["run's options", () => untyped(run)("out", [], { top: 0 }), /top is 0; it takes an integer of at least 1/],
  ["loadArtifact", () => untyped(loadArtifact)(undefined), /loadArtifact: the folder is undefined; it takes the path/],
])("%s refuses what it does not take", async (_, call, message) => {
  expect(await refusal(call())).toMatch(message);
});

test("optimize refuses what it does not take", async () => {
  const { graph } = (await lower({ model: "test_resnet" })).lowered;
  const call = untyped(optimize);
  for (const args of [["O3"], ["O1", "none"], ["O1", undefined, { onnxOps: "foo" }], ["O1", undefined, { ops: "ort" }]])
    expect(() => call(graph, ...args)).toThrow(TimmcError);
});
