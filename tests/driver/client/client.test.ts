import { copyFileSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as ort from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { beforeAll, describe, expect, it } from "vitest";
import { loadArtifact } from "../../../src/driver/artifact.ts";
import { clientTexts } from "../../../src/driver/client/client.ts";
import { runTensor } from "../../../src/driver/run.ts";
import { syntheticInput } from "../../../src/frontend/weights/synthetic.ts";
import { formatNpy, readNpy } from "../../../src/runtime/npy.ts";
import { writeExternal } from "../external-data.ts";
import { compileTiny, refusal, shapesModel, temporaryFolder } from "../workspace.ts";
import { type ClientTensor, difference, importClient, runClient } from "./client-module.ts";

const at = temporaryFolder();
const local = { model: `local-dir:${shapesModel}`, weights: "pretrained", inputSize: undefined } as const;
const taps = ["logits", "features.1", "module:layer3"];
const shape = [2, 3, 96, 96];
const floats: ClientTensor = { dims: shape, data: Float32Array.from(syntheticInput(shape)) };

beforeAll(() => compileTiny(at("shapes"), { ...local, taps }));

/** What `timmc run --tensor --save` writes of this input, by tap. */
async function saved(folder: string, input: Parameters<typeof formatNpy>[0]) {
  writeFileSync(at("input.npy"), formatNpy(input));
  const { outputs } = await runTensor(folder, at("input.npy"), { save: at("saved") });
  return Object.fromEntries(
    outputs.map(({ name, file }) => {
      const { shape: dims, data } = readNpy(join(at("saved"), file ?? ""));
      return [name, { dims, data }];
    }),
  );
}

describe("the client", () => {
  it("gives by tap what timmc run gives", async () => {
    const outputs = await runClient(at("shapes"), ort, floats);
    expect(Object.keys(outputs)).toEqual(taps);
    expect(outputs).toEqual(await saved(at("shapes"), { dtype: "f32", shape, data: floats.data as Float32Array }));
  });

  it("runs unchanged with onnxruntime-web", async () => {
    const outputs = await runClient(at("shapes"), web, floats);
    const expected = await runClient(at("shapes"), ort, floats);
    for (const tap of taps) expect(difference(outputs[tap], expected[tap]), tap).toBeLessThan(1e-5);
  });

  it("gives the model of each size, with either runtime", async () => {
    const sizes = [
      [96, 96],
      [64, 128],
    ] as const;
    await compileTiny(at("sizes"), { ...local, taps, sizes });
    const wide = [2, 3, 64, 128];
    const input: ClientTensor = { dims: wide, data: Float32Array.from(syntheticInput(wide)) };
    await compileTiny(at("wide"), { ...local, taps, inputSize: [3, 64, 128] });
    const expected = await runClient(at("wide"), ort, input);
    expect(await runClient(at("sizes"), ort, input, { size: "64x128" })).toEqual(expected);
    expect(await runClient(at("sizes"), ort, floats)).toEqual(await runClient(at("shapes"), ort, floats));
    const outputs = await runClient(at("sizes"), web, input, { size: "64x128" });
    for (const tap of taps) expect(difference(outputs[tap], expected[tap]), tap).toBeLessThan(1e-5);
    await expect(runClient(at("sizes"), ort, floats, { size: "64x128" })).rejects.toThrow(
      "the input is Float32Array[2,3,96,96]; the model takes Float32Array[N,3,64,128]",
    );
    await expect(runClient(at("sizes"), ort, floats, { size: "toString" })).rejects.toThrow(
      "load({ size }) takes 96x96, 64x128, not toString",
    );
  });

  it("takes pixels where the artifact does", async () => {
    await compileTiny(at("pixels"), { ...local, preprocess: true });
    const pixels = { dims: [1, 96, 96, 3], data: Uint8Array.from({ length: 96 * 96 * 3 }, (_, i) => (i * 7) % 256) };
    const outputs = await runClient(at("pixels"), ort, pixels);
    expect(outputs).toEqual(await saved(at("pixels"), { dtype: "u8", shape: pixels.dims, data: pixels.data }));
    await expect(runClient(at("pixels"), ort, floats)).rejects.toThrow(
      /Float32Array\[2,3,96,96\]; .* Uint8Array\[N,96,96,3\]/,
    );
  });

  it("says the contract of the manifest", async () => {
    const { manifest } = await loadArtifact(at("shapes"));
    const { input, outputs, labels } = await importClient(at("shapes"));
    expect(input).toEqual(manifest.input);
    expect(labels).toEqual(manifest.labels);
    for (const { name, bytes: _, macs: __, params: ___, ...facts } of manifest.outputs)
      expect(outputs[name]).toEqual(facts);
  });

  it("refuses an input of another shape, type or length before it runs", async () => {
    const model = await (await importClient(at("shapes"))).load({ ort });
    const run = (dims: readonly number[], data: ClientTensor["data"]) => model.run({ dims, data });
    const one = new Float32Array(3 * 96 * 96);
    await expect(run([1, 3, 96, 95], one)).rejects.toThrow(
      "the input is Float32Array[1,3,96,95]; the model takes Float32Array[N,3,96,96]",
    );
    await expect(run([3, 96, 96], one)).rejects.toThrow(TypeError);
    await expect(run([0, 3, 96, 96], one)).rejects.toThrow(TypeError);
    await expect(run([1, 3, 96, 96], new Uint8Array(3 * 96 * 96))).rejects.toThrow(/is Uint8Array/);
    await expect(run([2, 3, 96, 96], one)).rejects.toThrow("[2,3,96,96] are 55296 elements; data has 27648");
    await model.release();
  });

  it("says what it takes where something else is given", async () => {
    // Programs without types call it in any way.
    const load = (await importClient(at("shapes"))).load as (...given: unknown[]) => Promise<{
      run(...given: unknown[]): Promise<unknown>;
      release(): Promise<void>;
    }>;
    for (const given of [[], [{}], [ort], [{ ort: { Tensor: ort.Tensor } }]])
      await expect(load(...given)).rejects.toThrow(
        "load({ ort }) takes ONNX Runtime: the namespace of onnxruntime-node or onnxruntime-web",
      );
    const model = await load({ ort });
    const { dims, data } = floats;
    for (const given of [[], [null], [{ input: floats }], [data, dims], [{ dims: "2,3,96,96", data }], [{ dims }]])
      await expect(model.run(...given)).rejects.toThrow(
        "run takes one tensor: { dims: [N,3,96,96], data: Float32Array }",
      );
    for (const [odd, shown] of [
      [{ dims, data: Array.from(data) }, "Array[2,3,96,96]"],
      [{ dims, data: null }, "Null[2,3,96,96]"],
      [{ dims: [2n, 3, 96, 96], data }, "Float32Array[2,3,96,96]"],
      [{ dims: [0.5, 3, 96, 96], data }, "Float32Array[0.5,3,96,96]"],
    ] as const)
      await expect(model.run(odd)).rejects.toThrow(`the input is ${shown}; the model takes Float32Array[N,3,96,96]`);
    expect(await model.run(new ort.Tensor("float32", data as Float32Array, dims))).toEqual(await model.run(floats));
    await model.release();
  });

  it("refuses to load where there are no weights", async () => {
    await compileTiny(at("structure"), { weights: "none" });
    await expect(runClient(at("structure"), ort, floats)).rejects.toThrow(/compiled without weights/);
  });

  /** What a network above 1.5 GiB looks like, in small. */
  it.each([
    { name: "onnxruntime-node", runtime: ort },
    { name: "onnxruntime-web", runtime: web },
  ])("finds weights in a file of their own: $name", async ({ name, runtime }) => {
    const folder = at(`external ${name} 100%`);
    await writeExternal(folder, "plain", { ...local, taps });
    expect(readdirSync(folder)).toContain("model.onnx.data");
    const outputs = await runClient(folder, runtime, floats);
    const expected = await runClient(at("shapes"), runtime, floats);
    for (const tap of taps) expect(difference(outputs[tap], expected[tap]), tap).toBeLessThan(1e-6);
  });
});

describe("weights in a file of their own", () => {
  const elsewhere = (file: string): string => join(at("elsewhere"), file);
  const client = () => at("client of weights");
  const bytes = (path: string) => new Uint8Array(readFileSync(path));

  beforeAll(async () => {
    await writeExternal(client(), "plain", { ...local, taps });
    mkdirSync(at("elsewhere"));
    renameSync(join(client(), "model.onnx"), elsewhere("renamed.onnx"));
    renameSync(join(client(), "model.onnx.data"), elsewhere("model.onnx.data"));
    mkdirSync(at("alone"));
    copyFileSync(elsewhere("renamed.onnx"), join(at("alone"), "model.onnx"));
  });

  describe.each([
    { name: "onnxruntime-node", runtime: ort },
    { name: "onnxruntime-web", runtime: web },
  ])("with $name", ({ runtime }) => {
    it.each([
      { said: "beside a model that is given as path", options: () => ({ model: elsewhere("renamed.onnx") }) },
      { said: "beside one given as URL", options: () => ({ model: pathToFileURL(elsewhere("renamed.onnx")) }) },
      {
        said: "as bytes",
        options: () => ({ model: join(at("alone"), "model.onnx"), data: bytes(elsewhere("model.onnx.data")) }),
      },
      {
        said: "as bytes of both",
        options: () => ({ model: bytes(elsewhere("renamed.onnx")), data: bytes(elsewhere("model.onnx.data")) }),
      },
    ])("lies $said", async ({ options }) => {
      const outputs = await runClient(client(), runtime, floats, options());
      const expected = await runClient(at("shapes"), runtime, floats);
      for (const tap of taps) expect(difference(outputs[tap], expected[tap]), tap).toBeLessThan(1e-6);
    });
  });

  it("are asked of the address beside the model's", async () => {
    const asked: unknown[] = [];
    const create = (...args: unknown[]) => (asked.push(args), Promise.resolve({}));
    const runtime = { InferenceSession: { create }, env: { versions: { web: "1" } } };
    const { load } = await importClient(client());
    const model = "https://models.example/v1/m.onnx?key=a/b";
    for (const given of [model, new URL(model), "models/m.onnx", "m.onnx"]) await load({ ort: runtime, model: given });
    await load({ ort: runtime, model, data: new URL("https://data.example/d") });
    const external = (data: string) => ({ externalData: [{ path: "model.onnx.data", data }] });
    expect(asked).toEqual([
      [model, external("https://models.example/v1/model.onnx.data")],
      [model, external("https://models.example/v1/model.onnx.data")],
      ["models/m.onnx", external("models/model.onnx.data")],
      ["m.onnx", external("model.onnx.data")],
      [model, external("https://data.example/d")],
    ]);
  });
});

describe("its files", () => {
  const text = (name: string, file: string): string => readFileSync(join(at(name), file), "utf8");

  it("say a batch that was fixed as a number", async () => {
    await compileTiny(at("fixed"), { batch: 4, weights: "none", taps: ["logits", "features.1"] });
    const types = text("fixed", "index.d.ts");
    expect(types).toContain("export type Input = Tensor<readonly [4, 3, 64, 64], Float32Array>;");
    expect(types).toContain('readonly "features.1": Tensor<readonly [4, 32, 16, 16], Float32Array>;');
  });

  it("import nothing", () => {
    expect(text("shapes", "index.js")).not.toMatch(/\bimport\b(?!\.meta\.url)|\brequire\b/);
    expect(text("shapes", "index.d.ts")).not.toMatch(/^import\b|import\(|<reference/m);
  });

  it("are the same for the same inputs, and listed with their hashes", async () => {
    await compileTiny(at("again"), { ...local, taps });
    for (const file of ["index.js", "index.d.ts", "package.json", "manifest.json"])
      expect(text("again", file), file).toBe(text("shapes", file));
    const { manifest } = await loadArtifact(at("again"));
    const inFolder = readdirSync(at("again")).filter((file) => file !== "manifest.json");
    expect(manifest.files.map(({ path }) => path).sort()).toEqual(inFolder.sort());
    writeFileSync(join(at("again"), "index.js"), text("again", "index.js").replace("0.5", "0.4"));
    expect(await refusal(loadArtifact(at("again")))).toMatch(/index\.js: .*SHA-256 is not the one/);
    rmSync(at("again"), { recursive: true });
  });

  it("are small: the names of a thousand classes are most of them", async () => {
    const { manifest } = await loadArtifact(at("shapes"));
    const labels = Array.from({ length: 1000 }, (_, i) => `class ${i}`);
    const script = clientTexts({ ...manifest, labels })["index.js"];
    expect(script.length - JSON.stringify(labels).length).toBeLessThan(3000);
  });

  it("have no array for an element type of weight files", async () => {
    const { manifest } = await loadArtifact(at("shapes"));
    const outputs = manifest.outputs.map((output) => ({ ...output, dtype: "bf16" as const }));
    expect(() => clientTexts({ ...manifest, outputs })).toThrow(/bf16 is no element type/);
  });

  it("stay programs whatever a configuration calls the network", async () => {
    const { manifest } = await loadArtifact(at("shapes"));
    const tag = "x\n*\u200b/\u202e*/ throw 1 /*\u2028`${1}`";
    const labels = ["*/`${1}\u2028", "a\u202e\u2066b\u{e0041}"];
    const texts = clientTexts({ ...manifest, source: { ...manifest.source, tag }, labels });
    for (const name of ["index.js", "index.d.ts"] as const) {
      const [first = ""] = texts[name].split(/\r?\n|\u2028/);
      expect(texts[name]).not.toMatch(/\p{Cf}/u);
      expect(first).toMatch(/^(?:\/\/ |\/\*\* )test_resnet\.x \* \/ \*\\\/ throw 1 .*timmc/);
      expect(first.split("*/").length).toBe(name === "index.js" ? 1 : 2);
    }
    mkdirSync(at("odd"));
    for (const [name, content] of Object.entries(texts)) writeFileSync(join(at("odd"), name), content);
    expect((await importClient(at("odd"))).labels).toEqual(labels);
  });
});
