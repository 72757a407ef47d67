import { describe, expect, test } from "vitest";
import {
  type Network,
  type Plain,
  clipName,
  entry,
  expectSameNetwork,
  missing,
  network,
  parts,
  remapped,
  renamed,
  squeezed,
  transposedPlain,
} from "./network.ts";

const small = { depth: 2, embed_dim: 48, num_heads: 3 };

/** A projection without bias stands for the classifier. */
const withZeroHead = (net: Network): Network => ({
  ...net,
  file: new Map(net.file).set("head.bias", { shape: [16], values: new Float32Array(16) }),
});

describe.each(["visual.", "module.visual."])("the names of OpenAI's CLIP under %s", (prefix) => {
  const clipFile = (net: Network): Map<string, Plain> => {
    const file = renamed(net.file, (name) => {
      if (name === "head.bias" || name === "head.weight") return undefined;
      return `${prefix}${clipName(name)}`;
    });
    file.set(`${prefix}class_embedding`, squeezed(entry(file, `${prefix}class_embedding`), 2));
    file.set(`${prefix}positional_embedding`, squeezed(entry(file, `${prefix}positional_embedding`), 1));
    file.set(`${prefix}proj`, transposedPlain(entry(net.file, "head.weight")));
    file.set("token_embedding.weight", { shape: [2], values: Float32Array.of(1, 2) });
    return file;
  };

  test("are those of the tower, and its projection is the classifier", async () => {
    const net = await network("vit_base_patch32_clip_224.openai", { ...small, num_classes: 16 });
    const { dropped } = expectSameNetwork(withZeroHead(net), clipFile(net), "CLIP");
    expect(dropped).toEqual([{ from: ["token_embedding.weight"], what: "not under visual." }]);
  });

  test("without the projection the classifier is missing", async () => {
    const net = await network("vit_base_patch32_clip_224.openai", { ...small, num_classes: 16 });
    const file = clipFile(net);
    file.delete(`${prefix}proj`);
    expect(missing(net, file)).toEqual(["head.weight", "head.bias"]);
  });
});

describe.each([
  ["DINOv2", "mask_token", ""],
  ["TIPSv2", "vision_encoder.mask_token", "vision_encoder."],
])("%s", (layout, mark, prefix) => {
  test("has a gated MLP under names of its own", async () => {
    const net = await network("vit_giant_patch14_dinov2", { ...small, img_size: 28 });
    const file = renamed(net.file, (name) => prefix + name.replace("mlp.fc1", "mlp.w12").replace("mlp.fc2", "mlp.w3"));
    file.set(mark, { shape: [1, 48], values: new Float32Array(48) });
    if (prefix !== "") file.set("text_encoder.norm.weight", { shape: [1], values: Float32Array.of(1) });
    const { dropped } = expectSameNetwork(net, file, layout);
    expect(dropped.flatMap((d) => d.from).sort()).toEqual(
      [mark, ...(prefix === "" ? [] : ["text_encoder.norm.weight"])].sort(),
    );
  });
});

test("DINOv2 with registers adds the class token's position to it", async () => {
  const net = await network("vit_small_patch14_reg4_dinov2", { ...small, img_size: 56 });
  const positions = entry(net.file, "pos_embed");
  const token = entry(net.file, "cls_token");
  const first = Float32Array.from({ length: 48 }, (_, i) => i / 64);
  const file = renamed(net.file, (name) => (name === "reg_token" ? "register_tokens" : name));
  file.set("pos_embed", { shape: [1, 17, 48], values: Float32Array.from([...first, ...positions.values]) });
  file.set("cls_token", { shape: [1, 1, 48], values: token.values.map((x, i) => x - (first[i] ?? 0)) });
  file.set("mask_token", { shape: [1, 48], values: first });
  const expected = new Map(net.file).set("cls_token", {
    shape: [1, 1, 48],
    values: Float32Array.from(entry(file, "cls_token").values, (x, i) => x + (first[i] ?? 0)),
  });
  expectSameNetwork({ ...net, file: expected }, file, "DINOv2");
});

test("BEiT-3 has queries, keys and values apart and a language branch beside", async () => {
  const net = await network("beit3_base_patch16_224", small);
  const file = new Map<string, Plain>();
  for (const [name, plain] of net.file) {
    const fused = /^blocks\.(\d+)\.attn\.qkv\.(weight|bias)$/.exec(name);
    if (fused !== null) {
      for (const [i, part] of parts(plain, 3).entries())
        for (const branch of ["A", "B"])
          file.set(`beit3.encoder.layers.${fused[1]}.self_attn.${"qkv"[i]}_proj.${branch}.${fused[2]}`, part);
    } else if (name === "pos_embed") {
      const [, rows = 0, width = 0] = plain.shape;
      const values = new Float32Array((rows + 2) * width);
      values.set(plain.values, 2 * width);
      file.set("beit3.encoder.embed_positions.A.weight", { shape: [rows + 2, width], values });
    } else {
      const to = name
        .replace("cls_token", "vision_embed.cls_token")
        .replace("patch_embed.", "vision_embed.")
        .replace("blocks.", "encoder.layers.")
        .replace(".mlp.norm.", ".ffn.A.ffn_layernorm.")
        .replace(".mlp.", ".ffn.A.")
        .replace("norm1.", "self_attn_layer_norm.A.")
        .replace("norm2.", "final_layer_norm.A.")
        .replace(".attn.norm.", ".self_attn.inner_attn_ln.A.")
        .replace(".attn.proj.", ".self_attn.out_proj.A.");
      file.set(/^(?:head|norm|fc_norm)\./.test(name) ? name : `beit3.${to}`, plain);
    }
  }
  const one = { shape: [1], values: Float32Array.of(0) };
  file.set("beit3.text_embed.weight", one).set("beit3.vision_embed.mask_token", one);
  const { entries } = expectSameNetwork(net, file, "BEiT-3");
  const qkv = entries.find((e) => e.name === "blocks.0.attn.qkv.weight");
  expect(qkv?.from).toEqual(["q", "k", "v"].map((x) => `beit3.encoder.layers.0.self_attn.${x}_proj.A.weight`));
  expect(qkv?.steps).toEqual(["merge"]);
});

test("I-JEPA's encoder stands beside its predictor", async () => {
  const net = await network("vit_huge_patch14_gap_224.in1k_ijepa", { ...small, img_size: 28 });
  const file = renamed(net.file, (name) => `encoder.module.${name}`);
  file.set("predictor.module.mask_token", { shape: [1], values: Float32Array.of(1) });
  file.set("target_encoder.module.norm.weight", { shape: [1], values: Float32Array.of(1) });
  const { dropped } = expectSameNetwork(net, file, "I-JEPA");
  expect(dropped.map((d) => d.from[0])).toEqual(["predictor.module.mask_token", "target_encoder.module.norm.weight"]);
});

describe("OpenCLIP around a network of timm", () => {
  const trunk = (net: Network, prefix: string): Map<string, Plain> =>
    renamed(net.file, (name) => (name.startsWith("head.") ? undefined : `${prefix}${name}`));

  test("has its projection outside the trunk", async () => {
    const net = await network("vit_base_patch32_clip_224", { ...small, num_classes: 16 });
    const file = trunk(net, "visual.trunk.");
    file.set("visual.head.proj.weight", entry(net.file, "head.weight"));
    file.set("text.ln_final.weight", { shape: [1], values: Float32Array.of(1) });
    expectSameNetwork(withZeroHead(net), file, "OpenCLIP around a timm network");
  });

  test("is known without positions too, and a model without head leaves the projection out", async () => {
    const net = await network("vit_base_patch32_clip_224", { ...small, num_classes: 0, pos_embed: "none" });
    const file = trunk(net, "visual.trunk.");
    file.set("visual.head.proj.weight", { shape: [1], values: Float32Array.of(1) });
    const { dropped } = expectSameNetwork(net, file, "OpenCLIP around a timm network");
    expect(dropped).toEqual([{ from: ["visual.head.proj.weight"], what: "not under visual.trunk." }]);
  });

  test("in a wrapper is the same", async () => {
    const net = await network("vit_base_patch32_clip_224", { ...small, num_classes: 16 });
    const file = trunk(net, "module.visual.trunk.");
    expect(missing(net, file)).toEqual(["head.weight", "head.bias"]);
    file.set("module.visual.head.proj.weight", entry(net.file, "head.weight"));
    expectSameNetwork(withZeroHead(net), file, "OpenCLIP around a timm network");
  });
});

test("AIMv2 numbers its gate otherwise", async () => {
  const net = await network("aimv2_large_patch14_224", { ...small, img_size: 28 });
  const file = renamed(net.file, (name) =>
    name
      .replace(/^blocks\./, "trunk.blocks.")
      .replace(/^norm\./, "trunk.post_trunk_norm.")
      .replace(/norm([12])\./, "norm_$1.")
      .replace(/^patch_embed\./, "preprocessor.patchifier.")
      .replace(/^pos_embed$/, "preprocessor.pos_embed")
      .replace("fc1_g", "fc1")
      .replace("fc1_x", "fc3"),
  );
  expectSameNetwork(net, file, "AIMv2");
});

test("a pooling head is left out where the model has none", async () => {
  const pooled = await network("vit_base_patch16_siglip_224", small);
  const { dropped } = expectSameNetwork(
    await network("vit_base_patch16_siglip_gap_224", small),
    pooled.file,
    undefined,
  );
  const head = [...pooled.file.keys()].filter((name) => name.startsWith("attn_pool."));
  expect(head.length).toBeGreaterThan(0);
  expect(dropped.map((d) => d.from[0])).toEqual(head);
  expect(expectSameNetwork(pooled, pooled.file, undefined).dropped).toEqual([]);
});

test("a representation layer before the classifier is left out", async () => {
  const net = await network("vit_tiny_patch16_224", { depth: 1 });
  const file = new Map(net.file).set("pre_logits.fc.weight", { shape: [1], values: Float32Array.of(1) });
  const { dropped } = expectSameNetwork(net, file, undefined);
  expect(dropped.map((d) => d.from)).toEqual([["pre_logits.fc.weight"]]);
});

test("two entries of one name are refused", async () => {
  const net = await network("beit3_base_patch16_224", { ...small, depth: 1 });
  const file = new Map(net.file).set("beit3.encoder.layers.0.self_attn_layer_norm.A.weight", {
    shape: [48],
    values: new Float32Array(48),
  });
  expect(() => remapped(net, file)).toThrow(/two entries become blocks\.0\.norm1\.weight/);
});

test("a file of timm's own names is taken as it is", async () => {
  const net = await network("vit_tiny_patch16_224", { depth: 1 });
  const { entries } = expectSameNetwork(net, net.file, undefined);
  expect(entries.every((e) => e.value === undefined && e.steps.length === 0)).toBe(true);
});
