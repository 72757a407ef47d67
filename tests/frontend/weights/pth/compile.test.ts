import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../../../src/driver/compile.ts";
import { lowerRequest } from "../../../../src/driver/lower-request.ts";
import { openSafetensors } from "../../../../src/frontend/weights/safetensors.ts";
import { syntheticSource } from "../../../../src/frontend/weights/synthetic.ts";
import { bytesOf, viewAs } from "../../../../src/ir/bytes.ts";
import { type RoundedFloat, narrow, widen } from "../../../../src/ir/float.ts";
import { compileTiny, shapesModel, temporaryFolder } from "../../../driver/workspace.ts";
import { type Stored, writeSafetensors } from "../write-safetensors.ts";
import { PthWriter, type Py, type Storage, call, dict, name, ordered, rowMajor, zip } from "./write-pth.ts";

const at = temporaryFolder();

/** test_resnet's parameters with the recipe's values: all that are float32, so without the counters of batches. */
let weights: readonly Stored[] = [];
beforeAll(async () => {
  const { lowered } = await lowerRequest({ model: "test_resnet", inputSize: [3, 64, 64] });
  const source = syntheticSource(lowered.parameters);
  weights = lowered.parameters
    .filter(({ dtype }) => dtype === "f32")
    .map(({ name, shape }) => ({ name, shape, dtype: "f32", bytes: source.get(name)?.read() ?? expect.fail(name) }));
});

/** Every file of the artifact but the manifest, which names the weight file's hash. */
async function artifact(name: string, file: string): Promise<Readonly<Record<string, string>>> {
  await compileTiny(at(name), { weights: { file } });
  return artifactFiles(at(name));
}

function artifactFiles(folder: string): Readonly<Record<string, string>> {
  const files = readdirSync(folder).filter((entry) => entry !== "manifest.json");
  return Object.fromEntries(files.map((entry) => [entry, readFileSync(`${folder}/${entry}`).toString("base64")]));
}

/** The artifact of the same numbers from a safetensors file. */
async function reference(
  name: string,
  tensors: readonly Stored[] = weights,
): Promise<Readonly<Record<string, string>>> {
  const file = at(`${name}.safetensors`);
  writeSafetensors(file, tensors);
  return artifact(`${name}-reference`, file);
}

function expectSame(found: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): void {
  expect(Object.keys(found)).toEqual(Object.keys(wanted));
  for (const [entry, bytes] of Object.entries(found)) expect(bytes === wanted[entry], entry).toBe(true);
}

/** One storage for each tensor. */
function writerOf(layout: "zip" | "legacy" = "zip", tensors = weights): PthWriter {
  const storages = tensors.map(({ bytes }, i): [string, Storage] => [
    `${i}`,
    { type: "FloatStorage", width: 4, bytes },
  ]);
  return new PthWriter(Object.fromEntries(storages), layout);
}

/** A module's state dict over `writerOf`'s storages. */
const stateDict = (writer: PthWriter, prefix = "", wrap: (tensor: Py) => Py = (tensor) => tensor): Py =>
  ordered(weights.map(({ name, shape }, i) => [prefix + name, wrap(writer.tensor({ storage: `${i}`, shape }))]));

/** Float32 values of the tensors in another type. */
const rounded = (type: RoundedFloat): readonly (readonly [Stored, Uint8Array])[] =>
  weights.map((tensor) => {
    const short = narrow(type, viewAs(tensor.bytes, Float32Array));
    return [{ ...tensor, bytes: bytesOf(widen(type, short)) }, bytesOf(short)];
  });

function write(file: string, bytes: Uint8Array): string {
  writeFileSync(at(file), bytes);
  return at(file);
}

describe("test_resnet from PyTorch files is test_resnet from safetensors", () => {
  let wanted: Readonly<Record<string, string>> = {};
  beforeAll(async () => {
    wanted = await reference("plain");
  });
  const parameter = (data: Py): Py =>
    call("torch._utils", "_rebuild_parameter", data, true, call("collections", "OrderedDict"));
  const zeroed = (writer: PthWriter): Py =>
    ordered(
      weights.map(({ name, shape }) => [name, writer.tensor({ storage: "0", shape, strides: shape.map(() => 0) })]),
    );

  const layouts: Readonly<Record<string, () => Uint8Array>> = {
    "zip.pth": () => writerOf().file(stateDict(writerOf())),
    "parameters.pt": () => writerOf().file(stateDict(writerOf(), "", parameter)),
    "legacy.pth": () => writerOf("legacy").file(stateDict(writerOf("legacy"))),
    "plain-dict.bin": () => writerOf().file(dict(Object.fromEntries(entriesOf(writerOf())))),
    "wrapped.pth": () => zip([["weights.pth", writerOf("legacy").file(stateDict(writerOf("legacy")))]]),
    "training.pth.tar": () =>
      writerOf().file(
        dict({
          epoch: 3,
          args: { build: { call: name("argparse", "Namespace"), args: [] }, state: dict({ lr: 0.5 }) },
          state_dict: stateDict(writerOf(), "module."),
          metric: call("numpy.core.multiarray", "scalar", call("numpy", "dtype", "f8", false, true), "x"),
        }),
      ),
    "model.ckpt": () => writerOf().file(dict({ model: stateDict(writerOf(), "module._orig_mod.") })),
    "ema.pth": () => writerOf().file(dict({ state_dict: zeroed(writerOf()), state_dict_ema: stateDict(writerOf()) })),
    "model-ema.pth": () =>
      writerOf("legacy").file(
        dict({
          model: zeroed(writerOf("legacy")),
          state_dict_ema: null,
          model_ema: stateDict(writerOf("legacy"), "module."),
        }),
      ),
    "channels-last.pth": channelsLast,
    "one-storage.pth": () => oneStorage("zip"),
    "one-storage-legacy.pth": () => oneStorage("legacy"),
    "big-endian.pth": () => {
      const swapped = weights.map((tensor) => ({ ...tensor, bytes: Buffer.from(tensor.bytes).swap32() }));
      return writerOf("zip", swapped).file(stateDict(writerOf()), { byteorder: "big" });
    },
  };

  test.each(Object.keys(layouts))("%s", async (file) => {
    expectSame(await artifact(file.replaceAll(".", "-"), write(file, layouts[file]?.() ?? expect.fail(file))), wanted);
  });

  test.each(["safetensors", "bin"])("shards of %s with an index", async (kind) => {
    const folder = at(`shards-${kind}`);
    mkdirSync(folder);
    const half = Math.floor(weights.length / 2);
    const parts = { [`a.${kind}`]: weights.slice(0, half), [`b.${kind}`]: weights.slice(half) };
    for (const [file, tensors] of Object.entries(parts)) {
      const writer = writerOf("zip", tensors);
      const entries = tensors.map(({ name, shape }, i) => [name, writer.tensor({ storage: `${i}`, shape })] as const);
      if (kind === "safetensors") writeSafetensors(`${folder}/${file}`, tensors);
      else writeFileSync(`${folder}/${file}`, writer.file(ordered(entries)));
    }
    const map = Object.entries(parts).flatMap(([file, tensors]) => tensors.map(({ name }) => [name, file]));
    const index = `${folder}/model.${kind}.index.json`;
    writeFileSync(index, JSON.stringify({ metadata: { total_size: 1 }, weight_map: Object.fromEntries(map) }));
    expectSame(await artifact(`sharded-${kind}`, index), wanted);
  });
});

describe("types narrower than float32", () => {
  test.each([
    ["f16", "HalfStorage"],
    ["bf16", "BFloat16Storage"],
  ] as const)("%s", async (dtype, type) => {
    const pairs = rounded(dtype);
    const storages = pairs.map(([, bytes], i): [string, Storage] => [`${i}`, { type, width: 2, bytes }]);
    const writer = new PthWriter(Object.fromEntries(storages));
    const file = write(`${dtype}.pth`, writer.file(stateDict(writer)));
    expectSame(
      await artifact(dtype, file),
      await reference(
        `${dtype}-widened`,
        pairs.map(([tensor]) => tensor),
      ),
    );
  });
});

test("a folder with config.json and pytorch_model.bin", async () => {
  mkdirSync(at("folder"));
  cpSync(`${shapesModel}/config.json`, `${at("folder")}/config.json`);
  const source = openSafetensors(`${shapesModel}/model.safetensors`);
  const tensors = [...source.keys()].map((name) => ({ name, data: source.get(name) ?? expect.fail(name) }));
  const storages = tensors.map(({ data }, i): [string, Storage] => [
    `${i}`,
    {
      type: data.dtype === "i64" ? "LongStorage" : "FloatStorage",
      width: data.dtype === "i64" ? 8 : 4,
      bytes: data.read(),
    },
  ]);
  const writer = new PthWriter(Object.fromEntries(storages));
  const root = ordered(
    tensors.map(({ name, data }, i) => [name, writer.tensor({ storage: `${i}`, shape: data.shape })]),
  );
  writeFileSync(`${at("folder")}/pytorch_model.bin`, writer.file(root));
  source.close();
  await compile({ model: `local-dir:${at("folder")}`, out: at("from-folder") });
  await compile({ model: `local-dir:${shapesModel}`, out: at("from-safetensors") });
  expectSame(artifactFiles(at("from-folder")), artifactFiles(at("from-safetensors")));
});

const entriesOf = (writer: PthWriter): (readonly [string, Py])[] =>
  weights.map(({ name, shape }, i) => [name, writer.tensor({ storage: `${i}`, shape })]);

/** Convolutions stored as (O, h, w, I), with the strides that show them as (O, I, h, w). */
function channelsLast(): Uint8Array {
  const moved = weights.map((tensor): Stored => {
    const [outputs = 1, inputs = 1, height = 1, width = 1] = tensor.shape;
    if (tensor.shape.length !== 4) return tensor;
    const from = viewAs(tensor.bytes, Float32Array);
    const to = new Float32Array(from.length);
    const area = height * width;
    for (let o = 0; o < outputs; o++)
      for (let c = 0; c < inputs; c++)
        for (let p = 0; p < area; p++) to[(o * area + p) * inputs + c] = from[(o * inputs + c) * area + p] ?? 0;
    return { ...tensor, bytes: bytesOf(to) };
  });
  const writer = writerOf("zip", moved);
  const entries = weights.map(({ name, shape }, i): [string, Py] => {
    const [, inputs = 1, height = 1, width = 1] = shape;
    const strides = shape.length === 4 ? [inputs * height * width, 1, width * inputs, inputs] : rowMajor(shape);
    return [name, writer.tensor({ storage: `${i}`, shape, strides })];
  });
  return writer.file(ordered(entries));
}

/** All tensors are views of one storage, one after the other. */
function oneStorage(layout: "zip" | "legacy"): Uint8Array {
  const bytes = Buffer.concat(weights.map((tensor) => tensor.bytes));
  const writer = new PthWriter({ flat: { type: "FloatStorage", width: 4, bytes } }, layout);
  let offset = 0;
  const entries = weights.map((tensor): [string, Py] => {
    const view = writer.tensor({ storage: "flat", shape: tensor.shape, offset });
    offset += tensor.bytes.length / 4;
    return [tensor.name, view];
  });
  return writer.file(ordered(entries));
}
