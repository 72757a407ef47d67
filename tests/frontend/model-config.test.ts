import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseModelConfig } from "../../src/frontend/model-config.ts";
import { cfgFieldNames, checkCfgFields, defaultCfg } from "../../src/frontend/pretrained-cfg.ts";
import { TimmcError } from "../../src/ir/error.ts";
import { listArchitectures } from "../../src/frontend/registry.ts";
import { expectReadOrRefused, fuzzRuns, fuzzTimeout, mutated } from "./fuzzing.ts";
import { mutatedJson } from "./mutate-json.ts";

const input = {
  input_size: [3, 96, 96],
  test_input_size: [3, 128, 128],
  fixed_input_size: false,
  interpolation: "bicubic",
  crop_pct: 0.95,
  crop_mode: "center",
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.25, 1],
  pool_size: [3, 3],
};
const values = [
  {
    architecture: "test_resnet",
    num_classes: 3,
    num_features: 96,
    global_pool: "avg",
    model_args: { img_size: 96, depths: [1, 2], act_layer: null, nested: { rate: 0.1 } },
    pretrained_cfg: { ...input, tag: "shapes", custom_load: false, first_conv: ["conv1.0"], license: "mit", url: "" },
    label_names: ["circle", "square", "star"],
    label_descriptions: { circle: "round", square: "not round" },
  },
  {
    architecture: "vit_base_patch16_224.augreg_in21k",
    pretrained_cfg: { hf_hub_id: "timm/x", num_classes: 0, label_names: { 0: "a", 7: "b" }, paper_ids: ["arXiv:1"] },
  },
  { architecture: "tv_resnet50", ...input, labels: ["a", "b"], num_classes: 2, classifier: "fc", label_offset: 1 },
  { architecture: "resnet18", label_names: { 1: "one" }, url: ["https://example.org/x.pth", "x.pth"], strange: 1 },
];
const moreWords = [
  "architecture",
  "architectures",
  "model_args",
  "pretrained_cfg",
  "labels",
  "num_features",
  "state_dict",
];
const vocabulary = [...moreWords, ...cfgFieldNames, "resnet50", "resnet50.a1_in1k", "0", "00", "9999999", "toString"];

const architectures = new Set(listArchitectures());

/** What the rest of timmc takes for granted. */
function readAll(file: Buffer): readonly string[] {
  const config = parseModelConfig(file, "config.json");
  const { accepted, unknown, faults } = checkCfgFields({ ...config.pretrainedCfg });
  expect({ unknown, faults }).toEqual({ unknown: [], faults: [] });
  expect(Object.keys(accepted).sort()).toEqual(Object.keys(defaultCfg).sort());
  expect(config.numClasses).toBe(config.pretrainedCfg.num_classes);
  if (!architectures.has(config.architecture)) expect.fail(`${config.architecture} is no architecture`);
  for (const [index, name] of Object.entries(config.pretrainedCfg.label_names ?? []))
    if (!/^\d+$/.test(index) || !Number.isSafeInteger(Number(index)) || typeof name !== "string")
      expect.fail(`the label ${index}: ${name}`);
  JSON.stringify(config.modelArgs, (key, value: unknown) =>
    typeof value === "number" && !Number.isFinite(value) ? expect.fail(`${key} is ${value}`) : value,
  );
  expect(Object.getPrototypeOf(config.modelArgs)).toBe(Object.prototype);
  return config.notices;
}

test("any config.json is read or refused", { timeout: fuzzTimeout }, () => {
  const texts = values.map((value) => Buffer.from(JSON.stringify(value)));
  const files = fc.oneof(mutated(texts), mutatedJson(values, vocabulary));
  expectReadOrRefused(files, readAll, { kind: "config.json", runs: fuzzRuns(5_000), accepted: 1, codes: ["config"] });
});

const long = "x".repeat(5_000);
const manyOf = (item: string): string => `${`${item},`.repeat(500_000)}${item}`;

test.each([
  ["values", `"model_args":{"a":[${manyOf("0")}]}`, /more than 500000 values/],
  ["lists", `"model_args":{"a":[${manyOf("[]")}]}`, /more than 500000 values/],
  ["labels", `"label_names":[${manyOf('""')}]`, /more than 500000 values/],
  ["levels", `"model_args":${"[".repeat(1e6)}`, /nested more than 32 deep/],
  ["a long path to a number", `"${long}":[1e999]`, /^x{117}\.\.\. is too large for a number$/],
  ["what a terminal obeys", '"a":\u001b', /^the file is not JSON: \P{Cc}*$/u],
])("bounds: %s", (_, field, message) => {
  const file = Buffer.from(`{"architecture":"resnet18","pretrained_cfg":{},${field}}`);
  expect(() => parseModelConfig(file, "config.json")).toThrow(message);
});

const parsed = (fields: object) =>
  parseModelConfig(Buffer.from(JSON.stringify({ architecture: "resnet18", ...fields })), "config.json");

test("control characters are taken out of labels and descriptions, which say so, and are refused in names", () => {
  const { pretrainedCfg, notices } = parsed({
    num_classes: 2,
    label_names: ["a\u001b]0;x\u0007\n99.9 % b", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"],
    label_descriptions: { "a\nb": "c\u2028d" },
  });
  expect(pretrainedCfg.label_names).toEqual(["a ]0;x 99.9 % b", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"]);
  expect(pretrainedCfg.label_descriptions).toEqual({ "a b": "c d" });
  expect(notices).toEqual([
    "label_names holds control characters: blanks take their place",
    "label_descriptions holds control characters: blanks take their place",
  ]);
  for (const name of ["tag", "license"])
    expect(() => parsed({ pretrained_cfg: { [name]: "a\u009bb" } })).toThrow(
      `pretrained_cfg.${name} must be a string without control characters`,
    );
});

test("labels of another count than the classes are noticed; an object may have gaps", () => {
  const labels = (label_names: unknown) => parsed({ num_classes: 3, label_names }).notices;
  expect(labels(["a", "b", "c"])).toEqual([]);
  expect(labels(["a"])).toEqual(["label_names names 1 of the 3 classes: the others have numbers alone"]);
  expect(labels(["a", "b", "c", "d"])).toEqual(["label_names names 1 classes beyond the 3 of num_classes"]);
  expect(labels({ 1: "b" })).toEqual([]);
});

test.each([
  ["version https://git-lfs.github.com/spec/v1\noid sha256:1\n", /git lfs pull/],
  ["<!doctype html><html>", /web page/],
  ['{"architecture": NaN}', /NaN and Infinity/],
  ["{", /fetch it again/],
])("what is no JSON says what to do: %j", (text, hint) => {
  expect(refused(Buffer.from(text)).hint).toMatch(hint);
});

function refused(bytes: Buffer): TimmcError {
  try {
    parseModelConfig(bytes, "config.json");
  } catch (error) {
    if (error instanceof TimmcError) return error;
    throw error;
  }
  throw new Error("it was read");
}
