import { expect, test } from "vitest";
import {
  type Plain,
  type PlainFile,
  expectSameNetwork,
  network,
  parts,
  renamed,
  reshaped,
  transposedPlain,
} from "./network.ts";

const small = { depth: 2, embed_dim: 48, num_heads: 3 };

const entry = (file: PlainFile, name: string): Plain => {
  const plain = file.get(name);
  if (plain === undefined) throw new Error(`no entry ${name}`);
  return plain;
};

const squeezed = (plain: Plain, axes: number): Plain => reshaped(plain, plain.shape.slice(axes));

test("the names of OpenAI's CLIP", async () => {
  const net = await network("vit_base_patch32_clip_224.openai", { ...small, num_classes: 16 });
  const file = renamed(net.file, (name) => {
    if (name === "head.bias" || name === "head.weight") return undefined;
    return `visual.${name
      .replace("patch_embed.proj", "conv1")
      .replace("pos_embed", "positional_embedding")
      .replace("cls_token", "class_embedding")
      .replace("blocks.", "transformer.resblocks.")
      .replace("norm_pre", "ln_pre")
      .replace(/^norm\./, "ln_post.")
      .replace(/norm([12])/, "ln_$1")
      .replace("qkv.", "in_proj_")
      .replace("attn.proj", "attn.out_proj")
      .replace("mlp.fc1", "mlp.c_fc")
      .replace("mlp.fc2", "mlp.c_proj")}`;
  });
  file.set("visual.class_embedding", squeezed(entry(file, "visual.class_embedding"), 2));
  file.set("visual.positional_embedding", squeezed(entry(file, "visual.positional_embedding"), 1));
  file.set("visual.proj", transposedPlain(entry(net.file, "head.weight")));
  file.set("token_embedding.weight", { shape: [2], values: Float32Array.of(1, 2) });
  const zeroBias = new Map(net.file).set("head.bias", { shape: [16], values: new Float32Array(16) });
  const { dropped } = expectSameNetwork({ ...net, file: zeroBias }, file, "CLIP");
  expect(dropped).toEqual([{ from: ["token_embedding.weight"], what: "not under visual." }]);
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
  file.set("beit3.text_embed.weight", { shape: [1], values: Float32Array.of(0) });
  const { entries } = expectSameNetwork(net, file, "BEiT-3");
  const qkv = entries.find((e) => e.name === "blocks.0.attn.qkv.weight");
  expect(qkv?.from).toEqual(["q", "k", "v"].map((x) => `beit3.encoder.layers.0.self_attn.${x}_proj.A.weight`));
  expect(qkv?.steps).toEqual(["merge"]);
});

test("a file of timm's own names is taken as it is", async () => {
  const net = await network("vit_tiny_patch16_224", { depth: 1 });
  const { entries } = expectSameNetwork(net, net.file, undefined);
  expect(entries.every((e) => e.value === undefined && e.steps.length === 0)).toBe(true);
});
