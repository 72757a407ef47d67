import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../src/driver/compile.ts";
import { runTensor } from "../../src/driver/run.ts";
import { verify } from "../../src/driver/verify.ts";
import { toFloat32 } from "../../src/frontend/weights/load.ts";
import { syntheticSource } from "../../src/frontend/weights/synthetic.ts";
import { bytesOf } from "../../src/ir/bytes.ts";
import { resolve } from "../../src/frontend/resolve.ts";
import { type NpyArray, formatNpy, readNpy } from "../../src/runtime/npy.ts";
import { lowerArchitecture } from "../../src/zoo/lower.ts";
import { type Stored, writeSafetensors } from "../frontend/weights/write-safetensors.ts";
import { PthWriter, dict, floats, ordered, zip } from "../frontend/weights/pth/write-pth.ts";
import { google, older, small } from "../frontend/weights/remap/google.ts";
import { type PlainFile, network } from "../frontend/weights/remap/network.ts";
import { refusal, temporaryFolder } from "./workspace.ts";

/** InternViT of 300M parameters but for its depth, width and picture. */
const request = {
  model: "vit_intern300m_patch14_448",
  args: { depth: 2, embed_dim: 64, num_heads: 4, img_size: 56 },
  taps: ["logits", "features.0", "features.1"],
};

/** The names of the InternViT repositories, within a larger model or alone. */
const foreign = (name: string): string =>
  name
    .replace("cls_token", "embeddings.class_embedding")
    .replace("pos_embed", "embeddings.position_embedding")
    .replace("patch_embed.proj", "embeddings.patch_embedding")
    .replace("blocks", "encoder.layers")
    .replace(".gamma", "");

const at = temporaryFolder();
let tensors: readonly Stored[] = [];

const renamed = (rename: (name: string) => string): Stored[] => tensors.map((t) => ({ ...t, name: rename(t.name) }));

beforeAll(async () => {
  const { family, architecture, args, inputSize } = await resolve(request);
  const { parameters } = lowerArchitecture(family, architecture, args, inputSize);
  const source = syntheticSource(parameters);
  tensors = parameters.map(({ name, shape }) => {
    const data = source.get(name);
    return { name, dtype: "f32", shape, bytes: bytesOf(data === undefined ? new Float32Array() : toFloat32(data)) };
  });
  writeSafetensors(at("timm.safetensors"), tensors);
  writeSafetensors(at("intern.safetensors"), renamed(foreign));
  const vision = renamed((name) => `vision_model.${foreign(name)}`);
  const language = { name: "language_model.norm.weight", dtype: "f32", shape: [1], bytes: new Uint8Array(4) } as const;
  const shards = [vision.slice(0, 9), [...vision.slice(9), language]];
  const map: Record<string, string> = {};
  for (const [i, shard] of shards.entries()) {
    const file = `model-0000${i + 1}-of-00002.safetensors`;
    writeSafetensors(at(file), shard);
    for (const { name } of shard) map[name] = file;
  }
  writeFileSync(at("model.safetensors.index.json"), JSON.stringify({ metadata: {}, weight_map: map }));
  const image = Float32Array.from({ length: 3 * 56 * 56 }, (_, i) => Math.sin(i * 0.37));
  writeFileSync(at("image.npy"), formatNpy({ dtype: "f32", shape: [1, 3, 56, 56], data: image }));
});

/** Every output of the artifact that a weight file becomes. */
async function outputs(file: string): Promise<readonly (readonly [string, NpyArray])[]> {
  const out = at(`${file}.artifact`);
  await compile({ ...request, weights: { file: at(file) }, out });
  const { outputs: saved } = await runTensor(out, at("image.npy"), { save: at(`${file}.outputs`) });
  return saved.map(({ name, file: path }) => [name, readNpy(join(at(`${file}.outputs`), path ?? expect.fail(name)))]);
}

describe("InternViT from its own file names to an artifact", () => {
  test.each(["intern.safetensors", "model.safetensors.index.json"])(
    "%s gives the outputs of the same network under timm's names, bit by bit",
    async (file) => {
      const expected = await outputs("timm.safetensors");
      expect(expected.map(([name]) => name)).toEqual(request.taps);
      for (const [, { data }] of expected) expect(new Set<number | bigint>(data).size).toBeGreaterThan(32);
      expect(await outputs(file)).toEqual(expected);
      expect(await verify(at(`${file}.artifact`), { weights: at(file) })).toMatchObject({ passed: true });
    },
  );

  test("a layer that is missing is named as the model has it", async () => {
    writeSafetensors(
      at("short.safetensors"),
      renamed(foreign).filter(({ name }) => name !== "encoder.layers.1.ls2"),
    );
    expect(
      await refusal(compile({ ...request, weights: { file: at("short.safetensors") }, out: at("short") })),
    ).toMatch(/1 missing.*missing: blocks\.1\.ls2\.gamma f32\[64\]/s);
  });
});

describe("files of other kinds", () => {
  const args = { ...small, num_classes: 5 };
  const model = "vit_base_patch16_224";
  const compiled = async (file: string): Promise<readonly (readonly [string, NpyArray])[]> => {
    await compile({ model, args, weights: { file: at(file) }, out: at(`${file}.artifact`) });
    const { outputs: saved } = await runTensor(at(`${file}.artifact`), at("small.npy"), {
      save: at(`${file}.outputs`),
    });
    return saved.map(({ name, file: path }) => [name, readNpy(join(at(`${file}.outputs`), path ?? expect.fail(name)))]);
  };

  test("Google's .npz and the nested dictionaries of a training give the outputs of timm's names", async () => {
    const net = await network(model, args);
    const image = Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => Math.sin(i * 0.37));
    writeFileSync(at("small.npy"), formatNpy({ dtype: "f32", shape: [1, 3, 32, 32], data: image }));
    writeSafetensors(at("small.safetensors"), stored(net.file));
    const arrays = [...google(net, "", older)].map(([name, { shape, values }]) => {
      return [`${name}.npy`, formatNpy({ dtype: "f32", shape, data: values })] as const;
    });
    writeFileSync(at("google.npz"), zip(arrays));
    const entries = [...net.file];
    const writer = new PthWriter(Object.fromEntries(entries.map(([, { values }], i) => [i, floats(...values)])));
    const encoder = entries.map(([name, { shape }], i) => {
      return [`module.${name}`, writer.tensor({ storage: String(i), shape })] as const;
    });
    writeFileSync(at("training.pth.tar"), writer.file(dict({ encoder: ordered(encoder), epoch: 300 })));
    const expected = await compiled("small.safetensors");
    expect(await compiled("google.npz")).toEqual(expected);
    expect(await compiled("training.pth.tar")).toEqual(expected);
  });
});

const stored = (file: PlainFile): Stored[] =>
  [...file].map(([name, { shape, values }]) => ({ name, dtype: "f32", shape, bytes: bytesOf(values) }));
