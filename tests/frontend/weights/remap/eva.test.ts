import { describe, expect, test } from "vitest";
import {
  type Network,
  type Plain,
  entry,
  expectSameNetwork,
  missing,
  network,
  parts,
  renamed,
  transposedPlain,
} from "./network.ts";

const small = { depth: 2, embed_dim: 8, num_heads: 2, num_classes: 5, img_size: 32 };
const some: Plain = { shape: [2], values: Float32Array.of(1, 2) };

describe("DINOv3's names", () => {
  test("biases of keys are left out, and the tables of the pretraining", async () => {
    const net = await network("vit_small_patch16_dinov3_qkvb", small);
    const file = renamed(net.file, (name) =>
      /attn\.[qv]_bias/.test(name)
        ? undefined
        : name.replace("gamma_1", "ls1.gamma").replace("gamma_2", "ls2.gamma").replace("reg_token", "storage_tokens"),
    );
    for (const block of [0, 1]) {
      const values = (part: string) => [...(net.file.get(`blocks.${block}.attn.${part}_bias`)?.values ?? [])];
      const bias = Float32Array.from([...values("q"), ...Array<number>(8).fill(3), ...values("v")]);
      file.set(`blocks.${block}.attn.qkv.bias`, { shape: [24], values: bias });
    }
    file.set("mask_token", some).set("rope_embed.periods", some).set("blocks.0.attn.qkv.bias_mask", some);
    expectSameNetwork(net, file, "DINOv3");
  });
});

describe("DINOv3's names in transformers", () => {
  const there = (net: Network): Map<string, Plain> => {
    const gated = net.file.has("blocks.0.mlp.fc1_g.weight");
    const file = renamed(net.file, (name) =>
      name.includes("attn.qkv.")
        ? undefined
        : name
            .replace(/^(cls_token)$/, "embeddings.$1")
            .replace(/^reg_token$/, "embeddings.register_tokens")
            .replace(/^patch_embed\.proj\./, "embeddings.patch_embeddings.")
            .replace(/^blocks\./, "layer.")
            .replace(/\.attn\.proj\./, ".attention.o_proj.")
            .replace(/\.attn\.([qv])_bias$/, ".attention.$1_proj.bias")
            .replace(/\.gamma_([12])$/, ".layer_scale$1.lambda1")
            .replace(/\.fc1_g\./, ".gate_proj.")
            .replace(/\.fc1(?:_x)?\./, ".up_proj.")
            .replace(/\.fc2\./, ".down_proj."),
    );
    for (const block of [0, 1])
      for (const [i, part] of parts(entry(net.file, `blocks.${block}.attn.qkv.weight`), 3).entries())
        file.set(`layer.${block}.attention.${"qkv"[i]}_proj.weight`, part);
    expect(file.has("layer.0.mlp.gate_proj.weight")).toBe(gated);
    return file.set("embeddings.mask_token", some);
  };

  // Biases of queries and values, no biases, gated.
  test.each(["vit_small_patch16_dinov3_qkvb", "vit_small_patch16_dinov3", "vit_small_plus_patch16_dinov3"])(
    "%s",
    async (model) => {
      const net = await network(model, { ...small, num_classes: 0 });
      const file = there(net);
      const { layout, caution } = expectSameNetwork(net, file, "Hugging Face DINOv3");
      expect(caution !== undefined).toBe(!model.endsWith("_qkvb"));
      expect(layout?.own).toBe(true);
      file.delete("layer.1.attention.k_proj.weight");
      expect(missing(net, file)).toEqual(["blocks.1.attn.qkv.weight"]);
    },
  );

  test("biases are left out where the model has none", async () => {
    const net = await network("vit_small_patch16_dinov3", { ...small, num_classes: 0 });
    const biases = ["layer.0.attention.q_proj.bias", "layer.1.attention.v_proj.bias"];
    const file = new Map([...there(net), ...biases.map((name) => [name, some] as const)]);
    const { dropped } = expectSameNetwork(net, file, "Hugging Face DINOv3");
    expect(dropped.map(({ from: [key] }) => key)).toEqual(["embeddings.mask_token", ...biases]);
  });
});

describe.each([
  ["Perception Encoder", "visual."],
  ["Perception Encoder, the image tower alone", ""],
])("names of the %s", (layout, prefix) => {
  test("one projection for queries, keys and values of the pooling", async () => {
    const net = await network("vit_pe_core_tiny_patch16_384", {
      ...small,
      attn_pool_num_heads: 2,
      init_values: 0.1,
    });
    const there = (name: string): string =>
      name
        .replace(/^attn_pool\.(q|kv)\./, "attn_pool.attn.$1.")
        .replace(/^attn_pool\.proj/, "attn_pool.attn.out_proj")
        .replace(/^attn_pool\.norm/, "attn_pool.layernorm")
        .replace(/^attn_pool\.latent/, "attn_pool.probe")
        .replace("patch_embed.proj", "conv1")
        .replace("pos_embed", "positional_embedding")
        .replace("cls_token", "class_embedding")
        .replace("norm_pre", "ln_pre")
        .replace(/^norm\./, "ln_post.")
        .replace(/^blocks\./, "transformer.resblocks.")
        .replace(/\.norm([12])/, ".ln_$1")
        .replace(/\.gamma_([12])$/, ".ls_$1.gamma")
        .replace(/(resblocks\.\d+\.attn)\.qkv\./, "$1.in_proj_")
        .replace(/(resblocks\.\d+\.attn)\.proj/, "$1.out_proj")
        .replace("mlp.fc1", "mlp.c_fc")
        .replace("mlp.fc2", "mlp.c_proj");
    const file = renamed(net.file, (name) => (name.startsWith("head.") ? undefined : `${prefix}${there(name)}`));
    for (const part of ["weight", "bias"]) {
      const [q, kv] = ["q", "kv"].map((name) => net.file.get(`attn_pool.${name}.${part}`));
      const values = Float32Array.from([...(q?.values ?? []), ...(kv?.values ?? [])]);
      file.set(`${prefix}attn_pool.attn.in_proj_${part}`, { shape: [24, ...(q?.shape.slice(1) ?? [])], values });
      file.delete(`${prefix}attn_pool.attn.q.${part}`);
      file.delete(`${prefix}attn_pool.attn.kv.${part}`);
    }
    for (const [name, axes] of [
      ["positional_embedding", 1],
      ["class_embedding", 2],
    ] as const) {
      const plain = file.get(`${prefix}${name}`);
      if (plain) file.set(`${prefix}${name}`, { ...plain, shape: plain.shape.slice(axes) });
    }
    const head = net.file.get("head.weight");
    if (head) file.set(`${prefix}proj`, transposedPlain(head));
    const bare = new Map(
      [...net.file].map(([name, p]) => [name, name === "head.bias" ? { ...p, values: p.values.map(() => 0) } : p]),
    );
    expectSameNetwork({ ...net, file: bare }, file, layout);
  });
});

test("EVA-02's names, pretrained on masked images", async () => {
  const net = await network("eva02_base_patch14_224", { ...small, img_size: 28, global_pool: "avg" });
  const file = renamed(net.file, (name) =>
    name
      .replace(/^fc_norm\./, "norm.")
      .replace("mlp.norm", "mlp.ffn_ln")
      .replace("mlp.fc1_g", "mlp.w1")
      .replace("mlp.fc1_x", "mlp.w2")
      .replace("mlp.fc2", "mlp.w3")
      .replace("q_proj.bias", "q_bias")
      .replace("v_proj.bias", "v_bias"),
  );
  file.set("mask_token", some).set("rope.freqs_cos", some);
  expect(expectSameNetwork(net, file, "EVA, pretrained on masked images").dropped).toHaveLength(2);
});
