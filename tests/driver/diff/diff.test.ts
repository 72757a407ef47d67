import { cpSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { diffArtifacts } from "../../../src/driver/diff/diff.ts";
import type { Manifest } from "../../../src/driver/manifest.ts";
import { decodeModel } from "../../../src/backends/onnx/proto.ts";
import { externalData, modelFile, placeExternally } from "../../../src/backends/onnx/writer.ts";
import { runTensor } from "../../../src/driver/run.ts";
import { syntheticInput } from "../../../src/frontend/weights/synthetic.ts";
import { formatNpy, readNpy } from "../../../src/runtime/npy.ts";
import { compileTiny, pictures, refusal, temporaryFolder } from "../workspace.ts";

const at = temporaryFolder();

beforeAll(async () => {
  await compileTiny(at("a"));
  await compileTiny(at("plain"), { optimization: "O0", taps: ["logits", "features.0"] });
  await compileTiny(at("kernels"), { target: "webgpu" });
  await compileTiny(at("cuda"), { target: "cuda" });
});

type Edit = Partial<Omit<Manifest, "files">> & { readonly files?: readonly string[] };

/** Makes a folder's manifest say what its files are now, beside what `edit` changes. */
function seal(folder: string, edit: Edit = {}): string {
  const path = join(folder, "manifest.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as Manifest;
  const names = edit.files ?? manifest.files.map((file) => file.path);
  const files = names.map((name) => {
    const bytes = readFileSync(join(folder, name));
    return { path: name, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  });
  writeFileSync(path, JSON.stringify({ ...manifest, ...edit, files }));
  return folder;
}

function copyOf(name: string, folder: string): string {
  cpSync(at(name), at(folder), { recursive: true });
  return at(folder);
}

/** A copy with one weight's numbers edited. */
function withWeight(folder: string, tensor: string, edit: (numbers: Float32Array) => void): string {
  const copy = copyOf("a", folder);
  const path = join(copy, "model.onnx");
  const bytes = readFileSync(path);
  const found = decodeModel(bytes).initializers.find(({ header }) => header.name === tensor)?.bytes;
  if (found === undefined) throw new Error(`no ${tensor}`);
  const numbers = new Float32Array(new Uint8Array(found).buffer);
  edit(numbers);
  bytes.set(new Uint8Array(numbers.buffer), found.byteOffset - bytes.byteOffset);
  writeFileSync(path, bytes);
  return seal(copy);
}

/** A copy whose weights lie in another file, which `location` names in the model. */
function withExternal(folder: string, location: string, file: string): string {
  const copy = copyOf("a", folder);
  const { model, initializers } = decodeModel(readFileSync(join(copy, "model.onnx")));
  const sources = initializers.map(({ header, bytes = new Uint8Array() }) => ({ header, bytes: () => bytes }));
  const write = (path: string, parts: Iterable<Uint8Array>): void =>
    writeFileSync(path, Buffer.concat(Array.from(parts, (part) => Buffer.from(part))));
  write(join(copy, file), externalData(placeExternally(sources, location)));
  write(join(copy, "model.onnx"), modelFile(model, placeExternally(sources, location)));
  return copy;
}

const same = { removed: [], added: [], changed: [], reordered: false };

describe("diffArtifacts", () => {
  test("finds nothing between an artifact and its copy", async () => {
    const report = await diffArtifacts(at("a"), copyOf("a", "copy"), { run: true });
    expect(report).toMatchObject({
      equal: true,
      options: [],
      labels: [],
      outputs: { ...same, equal: 1 },
      models: [
        { graph: { model: [], operators: [], nodes: same, values: [] }, weights: { ...same, headers_only: null } },
      ],
      files: same,
      runs: { inputs: [{ input: "recipe", outputs: [{ name: "logits", max_abs_error: 0, problem: null }] }] },
      notes: [],
    });
  });

  test("tells levels apart: options, outputs, nodes by operator, weights, files", async () => {
    const { equal, options, outputs, models, files } = await diffArtifacts(at("a"), at("plain"));
    expect(equal).toBe(false);
    expect(options).toContainEqual({ field: "request.optimization", a: "O2", b: "O0" });
    expect(options).toContainEqual({ field: "request.taps", a: ["logits"], b: ["logits", "features.0"] });
    expect(outputs).toMatchObject({ added: [{ name: "features.0", type: "f32[N,32,32,32]" }], removed: [], equal: 1 });
    const [{ graph, weights } = { graph: null, weights: null }] = models;
    expect(graph?.operators).toContainEqual({ operator: "BatchNormalization", a: 0, b: 15 });
    expect(graph?.nodes.added).toContainEqual({ name: "bn1/BatchNormalization", operator: "BatchNormalization" });
    expect(graph?.nodes.changed).toContainEqual({
      name: "conv1.2/Relu",
      operator: "Relu",
      changes: [{ field: "inputs", a: ["conv1.0"], b: ["conv1.1"] }],
    });
    const count = (folder: string): number =>
      decodeModel(readFileSync(join(at(folder), "model.onnx"))).model.nodes.length;
    const { removed = [], added = [], changed = [], equal: kept = 0 } = graph?.nodes ?? {};
    expect([removed.length + changed.length + kept, added.length + changed.length + kept]).toEqual([
      count("a"),
      count("plain"),
    ]);
    expect(weights?.added.map(({ name }) => name)).toContain("bn1.running_mean");
    expect(files.changed.find(({ path }) => path === "model.onnx")).toEqual({
      path: "model.onnx",
      a: statSync(join(at("a"), "model.onnx")).size,
      b: statSync(join(at("plain"), "model.onnx")).size,
    });
  });

  test("finds the one weight that was changed, by how much, and what that does to the output", async () => {
    const edited = withWeight("edited", "fc.weight", (numbers) => {
      numbers[5] = Math.fround((numbers[5] ?? 0) + 0.5);
    });
    const { equal, options, models, files, runs } = await diffArtifacts(at("a"), edited, { run: true });
    expect([equal, options, models[0]?.graph?.nodes.changed]).toEqual([false, [], []]);
    const { changed = [] } = models[0]?.weights ?? {};
    expect(changed).toMatchObject([{ name: "fc.weight", numbers: { changed: 1, not_finite: 0 } }]);
    expect(changed[0]?.numbers?.max_abs).toBeCloseTo(0.5, 6);
    expect(files.changed.map(({ path }) => path)).toEqual(["model.onnx", "manifest.json"]);
    const shape = [1, 3, 64, 64];
    writeFileSync(at("in.npy"), formatNpy({ dtype: "f32", shape, data: syntheticInput(shape) }));
    const logits = async (folder: string): Promise<number[]> => {
      await runTensor(folder, at("in.npy"), { save: `${folder}-out` });
      return Array.from(readNpy(join(`${folder}-out`, "logits.npy")).data, Number);
    };
    const [x, y] = [await logits(at("a")), await logits(edited)];
    const largest = x.reduce((most, value, i) => Math.max(most, Math.abs(value - (y[i] ?? 0))), 0);
    expect(runs?.inputs[0]?.outputs[0]?.max_abs_error).toBe(largest);
    expect(largest).toBeGreaterThan(0);
  });

  test("names what differs in a node's attributes", async () => {
    await compileTiny(at("opset"), { opset: 18 });
    await compileTiny(at("stride"), { args: { output_stride: 16 } });
    const opset = await diffArtifacts(at("a"), at("opset"));
    expect(opset.options).toContainEqual({ field: "target.opset", a: 17, b: 18 });
    expect(opset.models[0]?.graph?.model).toContainEqual({ field: "opsets.ai.onnx", a: 17, b: 18 });
    const stride = await diffArtifacts(at("a"), at("stride"));
    expect(stride.models[0]?.graph?.nodes.changed.flatMap(({ changes }) => changes)).toContainEqual({
      field: "attributes.strides",
      a: [2, 2],
      b: [1, 1],
    });
    expect(stride.models[0]?.weights).toMatchObject({ removed: [], changed: [] });
  });

  test("compares floats of half the width", async () => {
    const { model, initializers } = decodeModel(readFileSync(join(at("a"), "model.onnx")));
    const copy = copyOf("a", "halves");
    const sources = initializers.map(({ header, bytes = new Uint8Array() }) =>
      header.name === "fc.weight"
        ? { header: { ...header, dtype: "f16" as const }, bytes: () => new Uint8Array(bytes.length / 2) }
        : { header, bytes: () => bytes },
    );
    writeFileSync(
      join(copy, "model.onnx"),
      Buffer.concat(Array.from(modelFile(model, sources), (part) => Buffer.from(part))),
    );
    const { models } = await diffArtifacts(at("a"), seal(copy));
    const [change] = models[0]?.weights.changed ?? [];
    expect(change).toMatchObject({ name: "fc.weight", a: "f32[1000,96]", b: "f16[1000,96]", numbers: { max_rel: 1 } });
  });

  test("compares classes by their index, and fields that a manifest of later has", async () => {
    const names = Array.from({ length: 1000 }, (_, i) => (i === 7 ? "other" : `class ${i}`));
    const one = seal(copyOf("a", "labels"), { labels: names.with(7, "class 7") });
    expect((await diffArtifacts(one, seal(copyOf("a", "labels2"), { labels: names }))).labels).toEqual([
      { index: 7, a: "class 7", b: "other" },
    ]);
    const later = seal(copyOf("a", "later"), { future: 1 } as Edit);
    const report = await diffArtifacts(at("a"), later);
    expect([report.equal, report.options, report.files.changed.map(({ path }) => path)]).toEqual([
      false,
      [],
      ["manifest.json"],
    ]);
  });

  test("compares every graph of bundles that both have, over one data file", async () => {
    const bundle = (name: string, sizes: readonly string[]): string => {
      const folder = withExternal(name, "model.onnx.data", "model.onnx.data");
      for (const size of sizes.slice(1)) cpSync(join(folder, "model.onnx"), join(folder, `model.${size}.onnx`));
      renameSync(join(folder, "model.onnx"), join(folder, `model.${sizes[0]}.onnx`));
      const { target } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as Manifest;
      const files = [...sizes.map((size) => `model.${size}.onnx`), "model.onnx.data", "index.js", "index.d.ts"];
      return seal(folder, { target: { ...target, model: `model.${sizes[0]}.onnx` }, files });
    };
    const [a, b] = [bundle("bundle", ["64x64", "96x96"]), bundle("bundle2", ["96x96", "64x64", "128x128"])];
    const { models, files } = await diffArtifacts(a, b);
    expect(models.map((model) => [model.a, model.b])).toEqual([
      ["model.64x64.onnx", "model.64x64.onnx"],
      ["model.96x96.onnx", "model.96x96.onnx"],
    ]);
    for (const { weights, graph } of models) expect([weights, graph?.nodes]).toMatchObject([same, same]);
    expect(models[0]?.weights.equal).toBeGreaterThan(20);
    expect(files.added.map(({ path }) => path)).toEqual(["model.128x128.onnx"]);
  });

  test("without weights compares types, and says so", async () => {
    await compileTiny(at("none"), { weights: "none" });
    const { models } = await diffArtifacts(at("a"), at("none"));
    expect(models[0]?.weights).toMatchObject({ ...same, headers_only: `${at("none")} has no weights` });
    expect(await refusal(diffArtifacts(at("a"), at("none"), { run: true }))).toMatch(/^weights: .*has no weights/);
  });

  test.each(["kernels", "cuda"])("compares the steps of %s and what they read of the weight file", async (name) => {
    await compileTiny(at(`${name}-wide`), { target: name === "cuda" ? "cuda" : "webgpu", inputSize: [3, 96, 96] });
    const [model] = (await diffArtifacts(at(name), at(name))).models;
    expect(model).toMatchObject({ graph: null, kernels: { steps: same }, weights: same });
    expect(model?.kernels?.steps.equal).toBe(21);
    const [wide] = (await diffArtifacts(at(name), at(`${name}-wide`))).models;
    expect(wide?.weights).toMatchObject({ removed: [], added: [], changed: [] });
    const changes = wide?.kernels?.steps.changed.find((step) => step.name === "maxpool")?.changes ?? [];
    expect(changes.map(({ field }) => field)).toEqual(["kernel", "grid", "memory"]);
    const path = join(copyOf(name, `${name}-edited`), "weights.bin");
    const bytes = readFileSync(path);
    bytes.writeFloatLE(1000, 0);
    writeFileSync(path, bytes);
    const [edited] = (await diffArtifacts(at(name), seal(at(`${name}-edited`)))).models;
    expect(edited?.weights.changed).toMatchObject([{ name: "conv1.2 argument 1", numbers: { changed: 1 } }]);
  });

  test("says why targets, or inputs, are not compared", async () => {
    const { models, notes } = await diffArtifacts(at("a"), at("kernels"));
    expect([models, notes]).toEqual([[], ["nodes and weights are not compared: the targets are onnx and webgpu"]]);
    await compileTiny(at("wide"), { inputSize: [3, 96, 96] });
    const { runs, notes: why } = await diffArtifacts(at("a"), at("wide"), { run: true });
    expect([runs, why]).toEqual([
      null,
      [
        "the artifacts are not run: input.shape is [1,3,64,64] and [1,3,96,96]; compile one with --sizes or --dynamic-size",
      ],
    ]);
  });

  test("on pictures counts how often both give the same class", async () => {
    const images = [join(pictures, "star-1.png"), join(pictures, "star-2.png")];
    const { runs } = await diffArtifacts(at("a"), at("plain"), { run: true, images });
    expect(runs?.inputs.map(({ input }) => input)).toEqual(images);
    expect(runs?.same_top1).toEqual({ pictures: 2, same: 2 });
    expect(runs?.inputs[0]?.outputs[0]?.max_abs_error).toBeLessThan(1e-4);
  });
});

describe("a hostile artifact", () => {
  const diffWith = (folder: string): Promise<string> => refusal(diffArtifacts(at("a"), folder));

  test.each(["../a/model.onnx", "/etc/passwd", "secret", "..", ""])(
    "whose weights are in %j reads nothing there",
    async (location) => {
      const folder = withExternal(`outside${location.length}`, location, "secret");
      expect(await diffWith(seal(folder))).toMatch(/^io: .*its weights are in .*which the manifest does not list/);
    },
  );

  test("whose weights end behind their file", async () => {
    const folder = withExternal("cut", "model.onnx.data", "model.onnx.data");
    const path = join(folder, "model.onnx.data");
    writeFileSync(path, readFileSync(path).subarray(0, 4096));
    expect(await diffWith(seal(folder, { files: ["model.onnx", "model.onnx.data"] }))).toMatch(
      /^io: .*ends behind model\.onnx\.data/,
    );
  });

  test("whose manifest is nested without end", async () => {
    const path = join(copyOf("a", "deep"), "manifest.json");
    const text = readFileSync(path, "utf8").replace(
      /"args": *\{/,
      `$&"deep":${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    );
    expect(text).toContain("[[[[");
    writeFileSync(path, text);
    expect(await diffWith(at("deep"))).toMatch(/^io: .*nested deeper than 100/);
  });

  test.each([
    ["kernels", "plan.json", (text: string) => text.replace('"shader":0', '"shader":-1'), /plan\.json is wrong/],
    ["kernels", "plan.json", () => "{", /damaged/],
    ["kernels", "model.wgsl.js", () => "alert(1)", /no list of shaders/],
    ["cuda", "model.cu", (text: string) => text.replace("launch<k0,", "launch<k99,"), /no step of a known kernel/],
    ["cuda", "model.cu", () => "", /no table of steps/],
    ["cuda", "model.cu", (text: string) => text.replace("w(0, 1792)", "w(0, 99999999)"), /reads behind weights\.bin/],
  ])("with another %s %s is refused", async (name, file, edit, message) => {
    const folder = copyOf(name, "other");
    const path = join(folder, file);
    writeFileSync(path, edit(readFileSync(path, "utf8")));
    expect(await refusal(diffArtifacts(at(name), seal(folder)))).toMatch(message);
  });
});
