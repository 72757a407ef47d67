import { describe, expect, test } from "vitest";
import { matchWeights } from "../../../../src/frontend/weights/check.ts";
import { type Network, type Plain, expectSameNetwork, network, parts, remapped, renamed } from "./network.ts";

const small = {
  depths: [1, 1, 2, 1],
  embed_dim: 8,
  num_heads: [1, 2, 2, 4],
  num_classes: 6,
  img_size: 64,
  window_size: 4,
};

const missingOf = (net: Network, file: ReadonlyMap<string, Plain>): string[] =>
  matchWeights(remapped(net, file).source, net.parameters).missing.map((m) => m.name);

const without = (file: ReadonlyMap<string, Plain>, ...names: readonly string[]): Map<string, Plain> =>
  new Map([...file].filter(([name]) => !names.includes(name)));

const some: Plain = { shape: [2], values: Float32Array.of(1, 2) };

const shiftedBack = (name: string): string =>
  name.replace(/^layers\.(\d)\.downsample/, (_, stage) => `layers.${Number(stage) - 1}.downsample`);

const microsoft = (name: string): string => shiftedBack(name).replace("head.fc", "head");

describe("Microsoft's names", () => {
  test("patches are merged a stage later; buffers are left out", async () => {
    const net = await network("swin_tiny_patch4_window7_224", small);
    const file = renamed(net.file, microsoft)
      .set("layers.0.blocks.0.attn.relative_position_index", some)
      .set("layers.0.blocks.1.attn_mask", some);
    const { dropped } = expectSameNetwork(net, file, "Microsoft Swin");
    expect(dropped.flatMap((d) => d.from)).toEqual([
      "layers.0.blocks.0.attn.relative_position_index",
      "layers.0.blocks.1.attn_mask",
    ]);
  });

  test("parts that are not there are missing", async () => {
    const net = await network("swin_tiny_patch4_window7_224", small);
    const file = renamed(net.file, microsoft);
    expect(missingOf(net, without(file, "head.weight", "layers.0.downsample.norm.bias"))).toEqual([
      "layers.1.downsample.norm.bias",
      "head.fc.weight",
    ]);
  });

  test("a file with timm's classifier and merging at the end of a stage is neither's", async () => {
    const net = await network("swin_tiny_patch4_window7_224", small);
    const file = renamed(net.file, shiftedBack);
    expect(remapped(net, file).layout).toBeUndefined();
    expect(missingOf(net, file)).toContain("layers.3.downsample.reduction.weight");
  });

  test("timm's own names are taken as they are, also without a classifier", async () => {
    for (const num_classes of [6, 0]) {
      const net = await network("swin_tiny_patch4_window7_224", { ...small, num_classes });
      const { entries } = expectSameNetwork(net, net.file, undefined);
      expect(entries.every((e) => e.steps.length === 0)).toBe(true);
    }
  });
});

describe("layouts of timmc's own", () => {
  const huggingFace = (prefix: string) => (name: string) =>
    name.startsWith("head.fc.")
      ? name.replace("head.fc", "classifier")
      : `${prefix}${shiftedBack(name)
          .replace("patch_embed.proj", "embeddings.patch_embeddings.projection")
          .replace("patch_embed.norm", "embeddings.norm")
          .replace(/^norm/, "layernorm")
          .replace(/^layers/, "encoder.layers")
          .replace("attn.proj", "attention.output.dense")
          .replace("attn.", "attention.self.")
          .replace("norm1", "layernorm_before")
          .replace("norm2", "layernorm_after")
          .replace("mlp.fc1", "intermediate.dense")
          .replace("mlp.fc2", "output.dense")}`;

  function huggingFaceFile(net: Network, prefix: string): Map<string, Plain> {
    const file = new Map<string, Plain>();
    for (const [name, plain] of renamed(net.file, huggingFace(prefix)))
      if (name.includes(".qkv."))
        for (const [i, part] of parts(plain, 3).entries())
          file.set(name.replace("qkv", ["query", "key", "value"][i] ?? ""), part);
      else file.set(name, plain);
    return file;
  }

  test.each(["swin.", ""])("Hugging Face's, with the prefix '%s'", async (prefix) => {
    const net = await network("swin_tiny_patch4_window7_224", small);
    const file = huggingFaceFile(net, prefix)
      .set(`${prefix}encoder.layers.0.blocks.0.attention.self.relative_position_index`, some)
      .set(`${prefix}embeddings.mask_token`, some);
    const { layout, entries, dropped } = expectSameNetwork(net, file, "Hugging Face Swin");
    expect(layout?.own).toBe(true);
    expect(entries.find((e) => e.name === "layers.2.blocks.1.attn.qkv.bias")?.from).toEqual(
      ["query", "key", "value"].map((x) => `${prefix}encoder.layers.2.blocks.1.attention.self.${x}.bias`),
    );
    expect(dropped).toHaveLength(2);
  });

  test("a projection that is not there leaves the three missing", async () => {
    const net = await network("swin_tiny_patch4_window7_224", small);
    const file = huggingFaceFile(net, "swin.");
    const key = "swin.encoder.layers.1.blocks.0.attention.self.key.weight";
    expect(missingOf(net, without(file, key, "swin.layernorm.bias"))).toEqual([
      "layers.1.blocks.0.attn.qkv.weight",
      "norm.bias",
    ]);
  });

  test("torchvision's", async () => {
    const net = await network("swin_tiny_patch4_window7_224", small);
    const file = renamed(net.file, (name) =>
      name
        .replace("patch_embed.proj", "features.0.0")
        .replace("patch_embed.norm", "features.0.2")
        .replace(/^layers\.(\d)\.blocks/, (_, i) => `features.${2 * Number(i) + 1}`)
        .replace(/^layers\.(\d)\.downsample/, (_, i) => `features.${2 * Number(i)}`)
        .replace("mlp.fc1", "mlp.0")
        .replace("mlp.fc2", "mlp.3")
        .replace("head.fc", "head"),
    ).set("features.1.0.attn.relative_position_index", some);
    const { layout } = expectSameNetwork(net, file, "torchvision Swin");
    expect(layout?.own).toBe(true);
    expect(missingOf(net, without(file, "features.6.norm.weight", "features.5.1.mlp.3.bias", "head.bias"))).toEqual([
      "layers.2.blocks.1.mlp.fc2.bias",
      "layers.3.downsample.norm.weight",
      "head.fc.bias",
    ]);
  });
});

describe("other sizes", () => {
  const shapeOf = (net: Network, name: string): readonly number[] | undefined =>
    net.parameters.find((p) => p.name === name)?.shape;

  test("windows shrink with the image, and tables of the file follow them, square or not", async () => {
    const large = await network("swin_tiny_patch4_window7_224", small);
    const wide = await network("swin_tiny_patch4_window7_224", { ...small, img_size: [32, 64], window_size: [2, 5] });
    const result = remapped(wide, renamed(large.file, microsoft));
    const { missing, mismatched } = matchWeights(result.source, wide.parameters);
    expect([...missing, ...mismatched]).toEqual([]);
    const tables = result.entries.filter((e) => e.name.endsWith("bias_table"));
    expect(tables.map((e) => e.steps)).toEqual(tables.map(() => ["resample the relative positions"]));
    expect(tables).toHaveLength(5);
    const [, , third] = tables;
    expect(shapeOf(large, third?.name ?? "")).toEqual([49, 2]);
    expect(third?.value?.type.shape).toEqual([21, 2]);
    const last = tables.at(-1);
    expect(shapeOf(large, last?.name ?? "")).toEqual([9, 4]);
    expect(last?.value?.type.shape).toEqual([3, 4]);
  });

  test("patches of another size", async () => {
    const fine = await network("swin_tiny_patch4_window7_224", small);
    const coarse = await network("swin_tiny_patch4_window7_224", { ...small, patch_size: 8, img_size: 128 });
    const result = remapped(coarse, fine.file);
    expect(matchWeights(result.source, coarse.parameters).mismatched).toEqual([]);
    expect(result.entries.find((e) => e.name === "patch_embed.proj.weight")?.steps).toEqual(["resample the patches"]);
  });
});
