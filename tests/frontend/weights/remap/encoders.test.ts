import { describe, expect, test } from "vitest";
import {
  type Network,
  type Plain,
  entry,
  expectSameNetwork,
  missing,
  network,
  remapped,
  renamed,
  reshaped,
  skeleton,
  transposedPlain,
} from "./network.ts";

/** Encoders close to ViT: BEiT, Segment Anything, MobileCLIP-B, ViTamin, and EVA where eva.test.ts has none. */

const some: Plain = { shape: [2], values: Float32Array.of(1, 2) };

describe("BEiT", () => {
  const small = { depth: 2, embed_dim: 8, num_heads: 2, num_classes: 3 };

  test.each(["beit_base_patch16_224", "beitv2_base_patch16_224"])("%s has tables that follow", async (model) => {
    const net = await network(model, { ...small, img_size: 64 });
    const indices = [0, 1].map((block) => `blocks.${block}.attn.relative_position_index`);
    const file = new Map([...net.file, ...indices.map((name) => [name, some] as const)]);
    const { dropped } = expectSameNetwork(net, file, undefined);
    expect(dropped.map(({ from: [key] }) => key)).toEqual(indices);
  });

  test("at another size has its tables and positions resampled, at another patch its kernels", async () => {
    const args = { ...small, use_abs_pos_emb: true };
    const net = await network("beit_base_patch16_224", { ...args, img_size: 96 });
    const other = await network("beit_base_patch16_224", { ...args, img_size: 64, patch_size: 8 });
    const { source, entries } = remapped(net, other.file);
    expect(missing(net, other.file)).toEqual([]);
    const resized = entries.filter((e) => e.resized !== undefined);
    expect(resized.map(({ name, steps }) => [name, steps.at(-1)])).toEqual(
      [
        ["pos_embed", "resample the positions"],
        ["patch_embed.proj.weight", "resample the patches"],
        ["blocks.0.attn.relative_position_bias_table", "resample the relative positions"],
        ["blocks.1.attn.relative_position_bias_table", "resample the relative positions"],
      ].toSorted((a, b) => indexOf(other, a[0]) - indexOf(other, b[0])),
    );
    for (const { name } of resized) expect(source.get(name)?.shape).toEqual(entry(net.file, name).shape);
  });

  const indexOf = (net: Network, name = ""): number => [...net.file.keys()].indexOf(name);
});

describe("Segment Anything", () => {
  const args = { depth: 2, embed_dim: 8, num_heads: 2, img_size: 64, global_attn_indexes: [1], neck_chans: 8 };

  test("keeps its encoder beside prompts and masks", async () => {
    const net = await network("samvit_base_patch16", args);
    const file = renamed(net.file, (name) => `image_encoder.${name.replace(/mlp\.fc([12])/, "mlp.lin$1")}`);
    file.set("prompt_encoder.not_a_point_embed.weight", some).set("mask_decoder.iou_token.weight", some);
    const { dropped } = expectSameNetwork(net, file, "Segment Anything");
    expect(dropped.map(({ what }) => what)).toEqual(["not under image_encoder.", "not under image_encoder."]);
    expect(
      missing(
        net,
        renamed(file, (name) => (name.endsWith("neck.3.bias") ? undefined : name)),
      ),
    ).toEqual(["neck.3.bias"]);
  });

  test("without its prefix has timm's names", async () => {
    const net = await network("samvit_base_patch16", args);
    expectSameNetwork(net, net.file, undefined);
  });
});

describe("MobileCLIP-B", () => {
  const mobileClip = (net: Network): Map<string, Plain> => {
    const file = renamed(net.file, (name) => {
      if (name.startsWith("head.")) return undefined;
      const inner = name
        .replace(/^patch_embed\.backbone\.(\d)\.conv\./, "patch_emb.$1.block.conv.")
        .replace(/^patch_embed\.backbone\.(\d)\.bn\./, "patch_emb.$1.block.norm.")
        .replace(/^blocks\.(\d+)\.norm1\./, "transformer.$1.pre_norm_mha.0.")
        .replace(/^blocks\.(\d+)\.attn\.qkv\./, "transformer.$1.pre_norm_mha.1.qkv_proj.")
        .replace(/^blocks\.(\d+)\.attn\.proj\./, "transformer.$1.pre_norm_mha.1.out_proj.")
        .replace(/^blocks\.(\d+)\.norm2\./, "transformer.$1.pre_norm_ffn.0.")
        .replace(/^blocks\.(\d+)\.mlp\.fc1\./, "transformer.$1.pre_norm_ffn.1.")
        .replace(/^blocks\.(\d+)\.mlp\.fc2\./, "transformer.$1.pre_norm_ffn.4.")
        .replace(/^norm\./, "post_transformer_norm.")
        .replace(/^pos_embed$/, "pos_embed.pos_embed.pos_embed");
      return `image_encoder.model.${inner}`;
    });
    const positions = entry(net.file, "pos_embed");
    file.set("image_encoder.model.pos_embed.pos_embed.pos_embed", reshaped(positions, [1, ...positions.shape]));
    file.set("image_encoder.model.classifier.proj", transposedPlain(entry(net.file, "head.weight")));
    return file.set("text_encoder.projection_layer", some);
  };

  test("has blocks of two pre-normed parts, and a projection without bias", async () => {
    const net = await skeleton("vit_base_mci_224");
    const bare = new Map(net.file).set("head.bias", { shape: [3], values: new Float32Array(3) });
    const { dropped } = expectSameNetwork({ ...net, file: bare }, mobileClip(net), "MobileCLIP");
    expect(dropped.map(({ from: [key] }) => key)).toEqual(["text_encoder.projection_layer"]);
  });

  test("without a part lacks it under timm's name", async () => {
    const net = await skeleton("vit_base_mci_224");
    const file = mobileClip(net);
    file.delete("image_encoder.model.transformer.7.pre_norm_ffn.4.bias");
    file.delete("image_encoder.model.classifier.proj");
    expect(missing(net, file)).toEqual(["blocks.7.mlp.fc2.bias", "head.weight", "head.bias"]);
  });
});

describe("other hybrids", () => {
  test("read a ViT's names: a representation layer is left out", async () => {
    const net = await network("vit_tiny_r_s16_p8_224", { depth: 1, num_classes: 3 });
    const file = new Map(net.file).set("pre_logits.fc.weight", some);
    const { dropped } = expectSameNetwork(net, file, undefined);
    expect(dropped.map(({ from: [key] }) => key)).toEqual(["pre_logits.fc.weight"]);
  });

  test("have positions of the backbone's map", async () => {
    const net = await network("vit_tiny_r_s16_p8_224", { depth: 1, num_classes: 3, img_size: 384 });
    const { file } = await network("vit_tiny_r_s16_p8_224", { depth: 1, num_classes: 3, img_size: 256 });
    expect(remapped(net, file).source.get("pos_embed")?.shape).toEqual(entry(net.file, "pos_embed").shape);
  });
});

test("ViTamin stands in OpenCLIP", async () => {
  const net = await skeleton("vitamin_small_224");
  const file = renamed(net.file, (name) => (name.startsWith("head.") ? undefined : `visual.trunk.${name}`));
  file.set("visual.head.proj.weight", entry(net.file, "head.weight")).set("text.token_embedding.weight", some);
  const bare = new Map(net.file).set("head.bias", { shape: [3], values: new Float32Array(3) });
  expectSameNetwork({ ...net, file: bare }, file, "OpenCLIP around a timm network");
});

describe("EVA", () => {
  const small = { depth: 2, embed_dim: 8, num_heads: 2, num_classes: 3, img_size: 32 };
  const evaClip = (name: string): string =>
    name
      .replace("mlp.norm", "mlp.ffn_ln")
      .replace("attn.norm", "attn.inner_attn_ln")
      .replace("mlp.fc1_g", "mlp.w1")
      .replace("mlp.fc1_x", "mlp.w2")
      .replace("mlp.fc2", "mlp.w3")
      .replace("q_proj.bias", "q_bias")
      .replace("v_proj.bias", "v_bias");

  test.each([
    ["EVA in OpenCLIP", "visual.trunk."],
    ["EVA-CLIP", "visual."],
  ])("%s", async (layout, prefix) => {
    const net = await network("eva02_base_patch16_clip_224", small);
    const file = renamed(net.file, (name) => `${prefix}${evaClip(name)}`);
    file.set(`${prefix}rope.freqs_cos`, some).set("text.ln_final.weight", some);
    expect(expectSameNetwork(net, file, layout).dropped.map(({ from: [key] }) => key)).toEqual([
      "text.ln_final.weight",
      `${prefix}rope.freqs_cos`,
    ]);
  });

  test("in a tower, pretrained on masked images, has its norm behind the pooling", async () => {
    const net = await network("eva02_base_patch16_clip_224", { ...small, global_pool: "avg" });
    const file = renamed(net.file, (name) => `visual.${evaClip(name.replace(/^fc_norm\./, "norm."))}`);
    file.set("visual.mask_token", some).set("visual.lm_head.bias", some);
    const { dropped } = expectSameNetwork(net, file, "EVA-CLIP, pretrained on masked images");
    expect(dropped.map(({ from: [key] }) => key)).toEqual(["visual.mask_token", "visual.lm_head.bias"]);
  });

  test("of one layer for queries, keys and values keeps the names of their biases", async () => {
    const net = await network("eva_giant_patch14_224", { ...small, img_size: 28, mlp_ratio: 2 });
    expect(net.file.has("blocks.0.attn.q_bias")).toBe(true);
    expectSameNetwork(net, net.file, undefined);
  });

  test("gated by one layer", async () => {
    const net = await network("eva02_tiny_patch14_224", { ...small, img_size: 28 });
    const file = renamed(net.file, (name) => name.replace("mlp.fc1", "mlp.w12").replace("mlp.fc2", "mlp.w3"));
    expectSameNetwork(net, file, undefined);
  });

  test("DINOv3 without biases of queries drops the file's, and EUPE's heads", async () => {
    const net = await network("vit_small_patch16_dinov3", { ...small, num_classes: 0 });
    const file = renamed(net.file, (name) =>
      name.replace(/gamma_([12])$/, "ls$1.gamma").replace("reg_token", "storage_tokens"),
    );
    const left = [
      "blocks.0.attn.qkv.bias",
      "projectors.0.weight",
      "local_cls_norm.bias",
      "rope_embed.periods",
      "mask_token",
    ];
    for (const name of left) file.set(name, some);
    const { dropped } = expectSameNetwork(net, file, "DINOv3");
    expect(dropped.map(({ from: [key = ""] }) => key).sort()).toEqual(left.toSorted());
  });

  test("at another size has its positions resampled, with the class token's", async () => {
    const net = await network("eva02_base_patch16_clip_224", { ...small, img_size: 64 });
    const { file } = await network("eva02_base_patch16_clip_224", small);
    expect(remapped(net, file).source.get("pos_embed")?.shape).toEqual([1, 17, 8]);
  });
});
