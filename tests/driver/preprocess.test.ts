import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { bench } from "../../src/driver/bench.ts";
import { lowerRequest } from "../../src/driver/lower-request.ts";
import { runImages, runTensor } from "../../src/driver/run.ts";
import { verify } from "../../src/driver/verify.ts";
import { fillSynthetic } from "../../src/frontend/weights/synthetic.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { interpret } from "../../src/ir/interpret.ts";
import { type NdArray, at as elementAt, ndarray } from "../../src/ir/ndarray.ts";
import { type StaticType, count } from "../../src/ir/type.ts";
import { deadCode } from "../../src/passes/whole-graph/dead-code.ts";
import { foldInput } from "../../src/passes/presets.ts";
import { runPipeline } from "../../src/passes/pass.ts";
import { verifying } from "../../src/passes/verifying.ts";
import { formatNpy } from "../../src/runtime/npy.ts";
import { loadOrt } from "../../src/runtime/ort.ts";
import { cli, cliJson } from "../cli/run-cli.ts";
import { body } from "../passes/rules/harness.ts";
import { compileTiny, pictures, refusal, shapesModel, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();
const local = { model: `local-dir:${shapesModel}`, weights: "pretrained", inputSize: undefined } as const;

const side = 64;
/** Every byte, in no order. */
const bytes = Uint8Array.from({ length: 2 * side * side * 3 }, (_, i) => (i * 7919 + (i >> 8) * 31) % 256);

/** What timm makes of pixels [n, h, w, 3], as float32 [n, 3, h, w]; `round` is what each step is rounded by. */
function normalised(
  pixels: Uint8Array,
  mean: readonly number[],
  std: readonly number[],
  round: (v: number) => number,
): number[] {
  const area = side * side;
  return Array.from({ length: pixels.length }, (_, i) => {
    const [image, channel, position] = [Math.floor(i / (3 * area)), Math.floor(i / area) % 3, i % area];
    const byte = pixels[(image * area + position) * 3 + channel] ?? NaN;
    return round(round(round(byte / 255) - round(mean[channel] ?? NaN)) / round(std[channel] ?? NaN));
  });
}

function recipe(key: string, { dtype, shape }: StaticType): NdArray {
  const data = new Float32Array(count(shape));
  fillSynthetic(key, shape, data);
  return ndarray(dtype, shape, data);
}

const models: readonly (readonly [model: string, args: Readonly<Record<string, unknown>>, stem: readonly string[]])[] =
  [
    ["test_resnet", {}, ["input", "cast", "transpose", "sub", "conv"]],
    ["test_vit", { img_size: side }, ["input", "cast", "transpose", "conv"]],
    ["test_convnext", {}, ["input", "cast", "transpose", "conv"]],
  ];

/** ImageNet's, which differ by channel. */
const cfg = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

describe.each(models)("%s", (model, args, stem) => {
  const request = { model, args, cfg, inputSize: [3, side, side] } as const;

  test("with pixels computes what it computes of the normalised picture, in ONNX Runtime", async () => {
    await compileTiny(at("plain"), { ...request, taps: ["logits", "features"] });
    await compileTiny(at("pixels"), { ...request, taps: ["logits", "features"], preprocess: true });
    const ort = await loadOrt();
    const [plain, pixels] = [await ort.open(at("plain/model.onnx")), await ort.open(at("pixels/model.onnx"))];
    const data = Float32Array.from(normalised(bytes, cfg.mean, cfg.std, Math.fround));
    const expected = await plain.run({ dtype: "f32", shape: [2, 3, side, side], data });
    const actual = await pixels.run({ dtype: "u8", shape: [2, side, side, 3], data: bytes });
    await Promise.all([plain.close(), pixels.close()]);
    expect([...actual.keys()]).toEqual([...expected.keys()]);
    for (const [name, { data: reference }] of expected) {
      const values = Array.from(reference, Number);
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
      const got = Array.from(actual.get(name)?.data ?? [], Number);
      const error = values.reduce((m, v, i) => Math.max(m, Math.abs(v - (got[i] ?? NaN))), 0);
      expect(error, name).toBeLessThan(1e-5 * std);
    }
  });

  test("with pixels computes the same in the interpreter, before the fold and after", async () => {
    const one = bytes.subarray(0, bytes.length / 2);
    const run = (graph: Graph, input: NdArray): number[] => {
      const results = interpret(graph, { symbols: { N: 1 }, param: recipe, input: () => input });
      return [...results.values()].flatMap((r) => Array.from(r.data, (_, i) => elementAt(r, i)));
    };
    const plain = (await lowerRequest(request)).lowered.graph;
    const { graph } = (await lowerRequest({ ...request, preprocess: true })).lowered;
    runPipeline(graph, [deadCode]);
    const image = Float64Array.from(normalised(one, cfg.mean, cfg.std, (v) => v));
    const expected = run(plain, ndarray("f32", [1, 3, side, side], image));
    const pixels = ndarray("u8", [1, side, side, 3], Float64Array.from(one));
    const largest = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    const worst = (actual: readonly number[]): number =>
      expected.reduce((m, v, i) => Math.max(m, Math.abs(v - (actual[i] ?? NaN))), 0) / largest;
    expect(worst(run(graph, pixels))).toBeLessThan(1e-10);
    runPipeline(graph, [foldInput], [verifying]);
    expect(worst(run(graph, pixels))).toBeLessThan(1e-10);
    expect(body(graph).slice(0, stem.length)).toEqual(stem);
  });
});

describe("an artifact that takes pixels", () => {
  beforeAll(async () => {
    await compileTiny(at("numbers"), local);
    await compileTiny(at("bytes"), { ...local, preprocess: true });
  });

  test("says so in its manifest, and keeps the rest of the input contract", async () => {
    const read = (folder: string): { readonly input: object } =>
      JSON.parse(readFileSync(join(at(folder), "manifest.json"), "utf8")) as { input: object };
    const { input } = read("numbers");
    expect(input).toMatchObject({ dtype: "f32", shape: ["N", 3, 96, 96], layout: "NCHW", normalized: "outside" });
    expect(read("bytes").input).toEqual({
      ...input,
      dtype: "u8",
      shape: ["N", 96, 96, 3],
      layout: "NHWC",
      normalized: "inside",
    });
  });

  test("gives pictures the classes that the plain one gives, at a fixed batch too", async () => {
    const some = ["star-1.png", "circle-2.png", "arrow-1.png", "square-1.png"].map((name) => join(pictures, name));
    const expected = await runImages(at("numbers"), some);
    await compileTiny(at("three"), { ...local, preprocess: true, batch: 3 });
    for (const folder of ["bytes", "three"])
      for (const [i, { top }] of (await runImages(at(folder), some)).entries()) {
        expect(top?.map((c) => c.label)).toEqual(expected[i]?.top?.map((c) => c.label));
        for (const [k, { logit }] of (top ?? []).entries())
          expect(logit).toBeCloseTo(expected[i]?.top?.[k]?.logit ?? NaN, 3);
      }
  });

  test("takes gray pictures where the network has one channel", async () => {
    const gray = { args: { in_chans: 1 }, inputSize: [1, 64, 64] } as const;
    await compileTiny(at("gray"), gray);
    await compileTiny(at("gray-bytes"), { ...gray, preprocess: true });
    const [[plain], [pixels]] = (await Promise.all(
      ["gray", "gray-bytes"].map((folder) => runImages(at(folder), [join(pictures, "star-1.png")])),
    )) as [Awaited<ReturnType<typeof runImages>>, Awaited<ReturnType<typeof runImages>>];
    expect(pixels?.top?.map((c) => c.index)).toEqual(plain?.top?.map((c) => c.index));
  });

  test("is verified and timed on pixels", async () => {
    const certificate = await verify(at("bytes"), { model: local.model });
    expect(certificate.passed).toBe(true);
    expect(certificate.inputs.map((i) => [i.name, ...i.shape])).toEqual([
      ["recipe", 1, 96, 96, 3],
      ["recipe of three", 3, 96, 96, 3],
      ["zeros", 1, 96, 96, 3],
      ["constant", 1, 96, 96, 3],
      ["noise", 1, 96, 96, 3],
      ["recipe", 1, 96, 96, 3],
    ]);
    const { artifacts } = await bench([at("numbers"), at("bytes")], { runs: 2, batch: 2, threads: 1 });
    expect(artifacts.map((a) => a.batch)).toEqual([2, 2]);
  });

  test.each([
    [{ dtype: "f32", shape: [1, 3, 96, 96], data: new Float32Array(3 * 96 * 96) }, "f32[1,3,96,96]"],
    [{ dtype: "f32", shape: [1, 96, 96, 3], data: new Float32Array(3 * 96 * 96) }, "f32[1,96,96,3]"],
    [{ dtype: "u8", shape: [1, 3, 96, 96], data: new Uint8Array(3 * 96 * 96) }, "u8[1,3,96,96]"],
    [{ dtype: "u8", shape: [1, 97, 96, 3], data: new Uint8Array(3 * 97 * 96) }, "u8[1,97,96,3]"],
  ] as const)("refuses another tensor: %#", async (array, type) => {
    writeFileSync(at("x.npy"), formatNpy(array));
    const message = await refusal(runTensor(at("bytes"), at("x.npy")));
    expect(message).toContain(`the tensor is ${type}; the artifact takes u8[N,96,96,3]`);
    expect(message).toContain("NHWC, the pixels of pictures that have this size already");
  });

  test("takes its own tensor", async () => {
    writeFileSync(at("x.npy"), formatNpy({ dtype: "u8", shape: [1, 96, 96, 3], data: new Uint8Array(3 * 96 * 96) }));
    const { outputs } = await runTensor(at("bytes"), at("x.npy"));
    expect(outputs.map((o) => o.shape)).toEqual([[1, 10]]);
  });
});

describe("--preprocess", () => {
  test("is an option of inspect and compile", async () => {
    const { input } = (await cliJson("inspect", "test_resnet", "--preprocess")) as { input: unknown };
    expect(input).toEqual({ name: "input", dtype: "u8", shape: [null, 160, 160, 3] });
    const options = ["--weights", "none", "-o", at("cli"), "--preprocess", "--batch", "2"];
    expect(await cliJson("compile", "test_resnet", ...options)).toMatchObject({
      input: { dtype: "u8", shape: [2, 160, 160, 3] },
    });
  });

  test("needs an input that pictures have", async () => {
    const { status, err } = await cli(["inspect", "test_resnet", "--arg", "in_chans=4", "--preprocess"]);
    expect(status).toBe(1);
    expect(err).toContain("no picture becomes an input of 4 channels; timm reads 1 (gray) or 3");
    expect(err).toContain("Leave --preprocess out");
  });
});
