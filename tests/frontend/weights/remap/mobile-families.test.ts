import { expect, test } from "vitest";
import { type Plain, expectSameNetwork, missing, network, remapped, renamed } from "./network.ts";

/** Families whose filters rename a few entries or drop some. */

test("GhostNetV3's norms under the authors' names, beside counters of operations", async () => {
  const net = await network("ghostnetv3_050", { num_classes: 3 });
  const file = renamed(net.file, (name) => name.replace(/((?:ghost\d|dw_rpr_\w+).*)\.bn1\./, "$1.bn."));
  file.set("blocks.0.0.total_ops", { shape: [1], values: new Float32Array(1) });
  const { dropped } = expectSameNetwork(net, file, undefined);
  expect(dropped).toEqual([{ from: ["blocks.0.0.total_ops"], what: "counters of operations" }]);
});

test("Gemma 3n's image tower", async () => {
  const net = await network("mobilenetv5_base", { channel_multiplier: 0.1, num_classes: 0, num_features: 16 });
  const file = renamed(net.file, (name) => `model.vision_tower.timm_model.${name}`);
  file.set("model.language_model.norm.weight", { shape: [2], values: new Float32Array(2) });
  expectSameNetwork(net, file, "Hugging Face Gemma 3n");
});

test("LeViT's tables of offsets are left out", async () => {
  const net = await network("levit_128s", { depth: [1, 1, 1], num_classes: 3 });
  const file = new Map(net.file);
  file.set("stages.0.blocks.0.attn.attention_bias_idxs", { shape: [1], values: new Float32Array(1) });
  expectSameNetwork(net, file, undefined);
});

test("Hiera under its authors' names", async () => {
  const net = await network("hiera_tiny_224", { embed_dim: 8, stages: [1, 1, 1, 1], num_classes: 3 });
  const file = renamed(net.file, (name) =>
    name.replace(/^head\.fc\./, "head.projection.").replace(/^head\.norm\./, "encoder_norm."),
  );
  expectSameNetwork(net, file, undefined);
  const without = renamed(file, (name) => (name === "encoder_norm.bias" ? undefined : name));
  expect(missing(net, without)).toEqual(["head.norm.bias"]);
});

test("Hiera of windows with positions of the map, pretrained without a head", async () => {
  const args = { embed_dim: 8, stages: [1, 1, 1, 1], num_classes: 3 };
  const net = await network("hiera_small_abswin_256", args);
  const file = renamed(net.file, (name) =>
    name.replace(/^pos_embed$/, "pos_embed_abs").replace(/^head\.norm\./, "norm."),
  );
  expect([...file.keys()].filter((name) => /^(?:pos_embed|norm)/.test(name))).toContain("pos_embed_abs");
  expectSameNetwork(net, file, undefined);
});

test("Segment Anything 2's MLPs", async () => {
  const net = await network("sam2_hiera_tiny", { embed_dim: 8, stages: [1, 1, 1, 1], num_classes: 3 });
  const file = renamed(net.file, (name) => name.replace("mlp.fc1", "mlp.layers.0").replace("mlp.fc2", "mlp.layers.1"));
  expectSameNetwork(net, file, undefined);
});

test("Segment Anything 2's encoder in Meta's whole model, which has no norm in a head", async () => {
  const net = await network("sam2_hiera_tiny", { embed_dim: 8, stages: [1, 1, 1, 1] });
  const file = renamed(net.file, (name) => {
    const there = name.replace("mlp.fc1", "mlp.layers.0").replace("mlp.fc2", "mlp.layers.1");
    return name.startsWith("head.") ? undefined : `image_encoder.trunk.${there}`;
  });
  file.set("memory_attention.norm.weight", { shape: [1], values: new Float32Array(1) });
  const { layout, withheld, dropped } = remapped(net, file);
  expect(layout).toEqual({ name: "Segment Anything 2", own: true });
  expect(dropped.map(({ what }) => what)).toEqual(["not under image_encoder.trunk."]);
  expect(withheld.map(({ name }) => name)).toEqual(["head.norm.weight", "head.norm.bias"]);
  expect(missing(net, file)).toEqual(["head.norm.weight", "head.norm.bias"]);
});

test("TinyViT's biases are taken as they are at their own window, and resampled to another", async () => {
  const small = { embed_dims: [8, 8, 16, 16], depths: [1, 1, 1, 1], num_heads: [1, 1, 2, 2], num_classes: 3 };
  const net = await network("tiny_vit_5m_224", small);
  const table: Plain = { shape: [1], values: new Float32Array(1) };
  const file = new Map(net.file).set("stages.1.blocks.0.attn.attention_bias_idxs", table);
  expect(expectSameNetwork(net, file, undefined).dropped).toHaveLength(1);
  const larger = await network("tiny_vit_21m_384", small);
  const { source, entries } = remapped(larger, net.file);
  const name = "stages.1.blocks.0.attn.attention_biases";
  expect(source.get(name)?.shape).toEqual([1, 144]);
  expect(entries.find((e) => e.name === name)?.steps).toEqual(["resample the offsets"]);
});
