import type { CalibrationFile } from "../../../src/driver/calibrate/calibration-file.ts";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalText } from "../../../src/driver/cache/canonical.ts";
import { modelParts, requestKey, requestParts } from "../../../src/driver/cache/key.ts";
import type { CompileRequest } from "../../../src/driver/compile.ts";
import { resolve } from "../../../src/frontend/resolve.ts";
import { shapesModel, temporaryFolder } from "../workspace.ts";
import { tiny } from "./caches.ts";

const at = temporaryFolder();

const keyOf = async (request: Partial<CompileRequest> = {}): Promise<string | undefined> =>
  (await requestKey({ ...tiny("out"), ...request }))?.key;

const tile = { columns: 4, columnThreads: 8, rows: 4, rowThreads: 8, split: 1, unroll: 0, depth: 16, stages: 0 };

/**
 * A request, and another one that has another value of this field alone; null for a field that the key is to pass over.
 * Every field has a line here, as it has in the key.
 */
type Change = readonly [base: Partial<CompileRequest>, changed: Partial<CompileRequest>];

const webgpu = { target: "webgpu" } as const;

const calibrationNamed = (sha256: string): CalibrationFile => ({
  sha256,
  weightsSha256: null,
  calibration: { precision: "int8", graph: "", ranges: {}, float: [] },
  inputSize: [3, 64, 64],
  pictures: [],
});
const half = { precision: "fp16", calibration: calibrationNamed("a") } as const;

const changes: { readonly [K in keyof Required<CompileRequest>]: Change } = {
  model: [{}, { model: "resnet18" }],
  args: [{}, { args: { num_classes: 7 } }],
  cfg: [{}, { cfg: { crop_pct: 0.5 } }],
  inputSize: [{}, { inputSize: [3, 96, 64] }],
  useTestSize: [{ inputSize: undefined }, { inputSize: undefined, useTestSize: true }],
  taps: [{}, { taps: ["features"] }],
  tapFormat: [{}, { tapFormat: "nchw" }],
  tapNorm: [{}, { tapNorm: true }],
  softmax: [{}, { softmax: true }],
  batch: [{}, { batch: 2 }],
  preprocess: [{}, { preprocess: true }],
  target: [{ batch: 1 }, { batch: 1, target: "cuda" }],
  opset: [{}, { opset: 20 }],
  onnxOps: [{}, { onnxOps: "ort" }],
  precision: [webgpu, { ...webgpu, precision: "fp16" }],
  calibration: [half, { ...half, calibration: calibrationNamed("b") }],
  maxError: [half, { ...half, maxError: 0.5 }],
  dynamicSize: [{}, { dynamicSize: 32 }],
  sizes: [{}, { sizes: [[64, 64]] }],
  tiles: [webgpu, { ...webgpu, tiles: { shape: tile } }],
  weights: [{}, { weights: "none" }],
  pinned: [{}, { pinned: { id: "timm/test_resnet.r160_in1k", commit: "0".repeat(40) } }],
  optimization: [{}, { optimization: "O1" }],
  layout: [{}, { layout: "transformers-js" }],
  passes: [{}, { passes: [] }],
  observers: [{}, { observers: [] }],
  out: [{}, { out: "elsewhere" }],
  cacheDir: [{}, { cacheDir: "elsewhere" }],
  signal: [{}, { signal: new AbortController().signal }],
  progress: [{}, { progress: () => {} }],
  note: [{}, { note: () => {} }],
};

const isField = (name: string): name is keyof CompileRequest => Object.hasOwn(changes, name);
const fields = Object.keys(changes).filter(isField);

/** Not in the key by their own names: what they mean is in the resolved model, which is. */
const throughModel = new Set(["model", "inputSize"]);

test.each(fields)("%s changes the key, or says why it does not", async (field) => {
  const [base, changed] = changes[field];
  const isSame = (await keyOf(base)) === (await keyOf(changed));
  const part = requestParts[field];
  expect(isSame).toBe(typeof part !== "function" && !throughModel.has(field));
  if (typeof part !== "function") expect(part.irrelevant).toMatch(/\w+ \w+/);
});

test("a request that is watched has no key", async () => {
  expect(await keyOf({ observers: [{}] })).toBeUndefined();
});

test("what is left out is what it would be by itself", async () => {
  const spelled: Partial<CompileRequest> = {
    args: {},
    cfg: {},
    useTestSize: false,
    taps: ["logits"],
    tapFormat: "native",
    tapNorm: false,
    softmax: false,
    batch: "dynamic",
    preprocess: false,
    target: "onnx",
    opset: 17,
    onnxOps: "standard",
    precision: "fp32",
    optimization: "O2",
    layout: "plain",
    passes: null,
    inputSize: [3, 64, 64],
  };
  expect(await keyOf(spelled)).toBe(await keyOf());
  expect(await keyOf({ ...webgpu, batch: 1, precision: "fp32" })).toBe(await keyOf(webgpu));
  expect(await keyOf({ args: { features_only: true }, taps: ["features"] })).toBe(
    await keyOf({ args: { features_only: true } }),
  );
});

test("the order of an object's keys is none", async () => {
  const one = { num_classes: 7, in_chans: 3, block_args: { a: 1, b: 2 } };
  const two = { block_args: { b: 2, a: 1 }, in_chans: 3, num_classes: 7 };
  const request = (args: object) => ({
    args: { num_classes: 7 },
    cfg: { label_names: ["a"], notes: JSON.stringify(args) },
  });
  expect(canonicalText(one)).toBe(canonicalText(two));
  expect(await keyOf({ args: { in_chans: 3, num_classes: 7 } })).toBe(
    await keyOf({ args: { num_classes: 7, in_chans: 3 } }),
  );
  expect(await keyOf(request(one))).not.toBe(await keyOf(request(two)));
});

describe("a local folder", () => {
  const folder = (name: string): string => {
    cpSync(shapesModel, at(name), { recursive: true });
    return at(name);
  };
  const local = (name: string, request: Partial<CompileRequest> = {}): Partial<CompileRequest> => ({
    model: `local-dir:${name}`,
    weights: "pretrained",
    inputSize: undefined,
    ...request,
  });

  test("counts by its content, wherever it lies", async () => {
    const [one, two] = [folder("one"), folder("two")];
    const key = await keyOf(local(one));
    expect(await keyOf(local(two))).toBe(key);
    writeFileSync(join(two, "config.json"), `${readFileSync(join(two, "config.json"), "utf8")}\n`);
    expect(await keyOf(local(two))).not.toBe(key);
  });

  test("a bit of the weights is another key, in the same process", async () => {
    const path = join(folder("bit"), "model.safetensors");
    const before = await keyOf(local(at("bit")));
    const bytes = readFileSync(path);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    writeFileSync(path, bytes);
    expect(await keyOf(local(at("bit")))).not.toBe(before);
  });

  test("a named weight file counts by its content and its name, which notices have", async () => {
    const weights = join(folder("file"), "model.safetensors");
    mkdirSync(at("moved"));
    const [moved, renamed] = [at("moved/model.safetensors"), at("moved/other.safetensors")];
    cpSync(weights, moved);
    cpSync(weights, renamed);
    const key = await keyOf(local(at("file"), { weights: { file: weights } }));
    expect(await keyOf(local(at("file"), { weights: { file: moved } }))).toBe(key);
    expect(await keyOf(local(at("file"), { weights: { file: renamed } }))).not.toBe(key);
  });
});

test("a resolved model counts but for where it lies", async () => {
  const resolved = await resolve({ model: `local-dir:${shapesModel}` });
  const parts = Object.entries(modelParts).flatMap(([name, part]) =>
    typeof part === "function" ? [canonicalText({ [name]: part(resolved) })] : [],
  );
  expect(parts.join()).toContain('"crop_pct"');
  expect(parts.join()).not.toContain(shapesModel);
});

describe("the text of a value", () => {
  const json = fc.jsonValue({ noUnicodeString: false }).map((v) => v as unknown);

  test("is its own: equal values have equal texts, others have others", () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(canonicalText(a) === canonicalText(b)).toBe(isEqual(a, b));
        expect(canonicalText(structuredClone(a))).toBe(canonicalText(a));
      }),
    );
  });

  test("does not depend on the order of keys", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), json), (record) => {
        const reversed = Object.fromEntries(Object.entries(record).toReversed());
        expect(canonicalText(reversed)).toBe(canonicalText(record));
      }),
    );
  });

  test.each([
    [NaN, null],
    [NaN, "NaN"],
    [0, -0],
    [Infinity, "Infinity"],
    [[undefined], [null]],
    [[undefined], ["undefined"]],
    [{ a: "1" }, { a: 1 }],
    [["a", "b"], ["a,b"]],
  ])("%j is not %j", (a, b) => expect(canonicalText(a)).not.toBe(canonicalText(b)));

  test("is refused for what is no data", () => {
    expect(() => canonicalText({ a: () => 1 })).toThrow(/function has no place/);
  });
});

/** Deep equality of JSON values, told from minus zero. */
function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) return Object.is(a, b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  return (
    left.size === right.size && [...left].every(([key, value]) => right.has(key) && isEqual(value, right.get(key)))
  );
}
