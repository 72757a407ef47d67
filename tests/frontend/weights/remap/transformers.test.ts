import { describe, expect, test } from "vitest";
import {
  type Network,
  type Plain,
  type PlainFile,
  entry,
  expectSameNetwork,
  missing,
  network,
  parts,
  remapped,
  renamed,
  squeezed,
} from "./network.ts";

const small = { depth: 2, embed_dim: 48, num_heads: 3, img_size: 64 };
const classes = { ...small, num_classes: 5 };
const one: Plain = { shape: [1], values: Float32Array.of(1) };

type Names = readonly (readonly [from: RegExp, to: string])[];

/** Every name by all the rules in order; queries, keys and values under names of their own, where there are such. */
function written(file: PlainFile, names: Names, qkv?: readonly [string, string, string]): Map<string, Plain> {
  const apart = new Map<string, Plain>();
  for (const [name, plain] of file) {
    const fused = /^(blocks\.\d+\.)attn\.qkv\.(weight|bias)$/.exec(name);
    if (fused === null || qkv === undefined) apart.set(name, plain);
    else for (const [i, part] of parts(plain, 3).entries()) apart.set(`${fused[1]}${qkv[i]}.${fused[2]}`, part);
  }
  return renamed(apart, (name) => names.reduce((n, [from, to]) => n.replace(from, to), name));
}

/** All entries under a prefix but those of the heads. */
const under = (file: PlainFile, prefix: string, heads = /classifier/): Map<string, Plain> =>
  renamed(file, (name) => (heads.test(name) ? name : prefix + name));

const embeddings: Names = [
  [/^cls_token$/, "embeddings.cls_token"],
  [/^dist_token$/, "embeddings.distillation_token"],
  [/^pos_embed$/, "embeddings.position_embeddings"],
  [/^patch_embed\.proj\./, "embeddings.patch_embeddings.projection."],
  [/^norm\./, "layernorm."],
];
const attention = ["query", "key", "value"].map((x) => `attention.attention.${x}`) as [string, string, string];
const vitNames: Names = [
  ...embeddings,
  [/attn\.proj/, "attention.output.dense"],
  [/mlp\.fc1/, "intermediate.dense"],
  [/mlp\.fc2/, "output.dense"],
  [/norm1/, "layernorm_before"],
  [/norm2/, "layernorm_after"],
  [/^blocks\./, "encoder.layer."],
  [/^head_dist\./, "distillation_classifier."],
];

describe("Hugging Face ViT", () => {
  const vit = ({ file }: Network): Map<string, Plain> =>
    written(file, [...vitNames, [/^head\./, "classifier."]], attention);

  test("with a classifier", async () => {
    const net = await network("vit_base_patch16_224", classes);
    expectSameNetwork(net, under(vit(net), "vit."), "Hugging Face ViT");
  });

  test("the encoder alone, with a pooler", async () => {
    const net = await network("vit_base_patch16_224", { ...small, num_classes: 0 });
    const { dropped } = expectSameNetwork(net, vit(net).set("pooler.dense.weight", one), "Hugging Face ViT");
    expect(dropped.map((d) => d.from)).toEqual([["pooler.dense.weight"]]);
  });

  test("MAE with its decoder", async () => {
    const net = await network("vit_base_patch16_224", { ...small, num_classes: 0 });
    const file = under(vit(net), "vit.").set("decoder.mask_token", one).set("decoder.decoder_layers.0.output", one);
    expectSameNetwork(net, file, "Hugging Face ViT");
  });

  test("of another size", async () => {
    const net = await network("vit_base_patch16_224", classes);
    const large = await network("vit_base_patch16_224", { ...classes, img_size: 96 });
    const { source } = remapped(large, under(vit(net), "vit."));
    expect(source.get("pos_embed")?.shape).toEqual([1, 37, 48]);
  });

  test.each(["attention.attention.key.bias", "intermediate.dense.weight", "layernorm_after.bias"])(
    "without %s is refused",
    async (name) => {
      const net = await network("vit_base_patch16_224", classes);
      const file = under(vit(net), "vit.");
      expect(file.delete(`vit.encoder.layer.1.${name}`)).toBe(true);
      expect(missing(net, file)).toEqual([
        { key: "blocks.1.attn.qkv.bias", weight: "blocks.1.mlp.fc1.weight", bias: "blocks.1.norm2.bias" }[
          name.includes("key") ? "key" : name.endsWith("weight") ? "weight" : "bias"
        ],
      ]);
    },
  );
});

test("Hugging Face DeiT has two tokens and two heads", async () => {
  const net = await network("deit_tiny_distilled_patch16_224", classes);
  const file = under(written(net.file, [...vitNames, [/^head\./, "cls_classifier."]], attention), "deit.");
  expectSameNetwork(net, file, "Hugging Face DeiT");
  const plain = await network("deit_tiny_patch16_224", classes);
  expect(() => remapped(plain, file)).toThrow(/18 positions are not 1 and a square grid/);
});

test("Hugging Face I-JEPA has no class token", async () => {
  const net = await network("vit_huge_patch14_gap_224.in1k_ijepa", { ...small, img_size: 56 });
  expectSameNetwork(net, under(written(net.file, vitNames, attention), "ijepa."), "Hugging Face I-JEPA");
});

const dinoNames: Names = [
  ...embeddings,
  [/^reg_token$/, "embeddings.register_tokens"],
  [/attn\.proj/, "attention.output.dense"],
  [/ls(\d)\.gamma/, "layer_scale$1.lambda1"],
  [/^blocks\./, "encoder.layer."],
];

describe.each(["", "dinov2."])("Hugging Face DINOv2 under '%s'", (prefix) => {
  test("of the usual MLP", async () => {
    const net = await network("vit_small_patch14_dinov2", { ...small, img_size: 56 });
    const file = under(written(net.file, dinoNames, attention), prefix).set(`${prefix}embeddings.mask_token`, one);
    expectSameNetwork(net, file, "Hugging Face DINOv2");
  });

  test("of the giant's gate", async () => {
    const net = await network("vit_giant_patch14_dinov2", { ...small, img_size: 56 });
    const gate: Names = [
      [/mlp\.fc1/, "mlp.weights_in"],
      [/mlp\.fc2/, "mlp.weights_out"],
    ];
    expectSameNetwork(net, under(written(net.file, [...dinoNames, ...gate], attention), prefix), "Hugging Face DINOv2");
  });
});

test("Hugging Face DINOv2 with registers", async () => {
  const net = await network("vit_small_patch14_reg4_dinov2", { ...small, img_size: 56 });
  const positions = entry(net.file, "pos_embed");
  const first = Float32Array.from({ length: 48 }, (_, i) => i / 64);
  const token = entry(net.file, "cls_token");
  const file = written(net.file, dinoNames, attention)
    .set("embeddings.position_embeddings", {
      shape: [1, 17, 48],
      values: Float32Array.of(...first, ...positions.values),
    })
    .set("embeddings.cls_token", { shape: [1, 1, 48], values: token.values });
  const expected = new Map(net.file).set("cls_token", {
    shape: [1, 1, 48],
    values: token.values.map((x, i) => x + (first[i] ?? 0)),
  });
  expectSameNetwork(
    { ...net, file: expected },
    under(file, "dinov2_with_registers."),
    "Hugging Face DINOv2 with registers",
  );
});

const towerNames: Names = [
  [/^cls_token$/, "embeddings.class_embedding"],
  [/^pos_embed$/, "embeddings.position_embedding.weight"],
  [/^patch_embed\.proj\./, "embeddings.patch_embedding."],
  [/attn\.proj/, "self_attn.out_proj"],
  [/norm([12])\./, "layer_norm$1."],
  [/^blocks\./, "encoder.layers."],
  [/^norm_pre\./, "pre_layrnorm."],
  [/^norm\./, "post_layernorm."],
];
const selfAttention = ["q", "k", "v"].map((x) => `self_attn.${x}_proj`) as [string, string, string];

function tower({ file }: Network): Map<string, Plain> {
  const out = written(file, towerNames, selfAttention);
  const table = "embeddings.position_embedding.weight";
  return out.set(table, squeezed(entry(out, table), 1)).set("embeddings.position_ids", one);
}

describe("Hugging Face CLIP", () => {
  const clip = (net: Network): Map<string, Plain> => {
    const file = tower(net);
    file.set("embeddings.class_embedding", squeezed(entry(file, "embeddings.class_embedding"), 2));
    for (const name of ["head.weight", "head.bias"]) file.delete(name);
    return under(file, "vision_model.").set("text_model.final_layer_norm.weight", one).set("logit_scale", one);
  };

  test("has a projection beside the tower", async () => {
    const net = await network("vit_base_patch32_clip_224.openai", classes);
    const file = clip(net).set("visual_projection.weight", entry(net.file, "head.weight"));
    const expected = new Map(net.file).set("head.bias", { shape: [5], values: new Float32Array(5) });
    const found = expectSameNetwork({ ...net, file: expected }, file, "Hugging Face CLIP under vision_model");
    expect(found.layout?.own).toBe(true);
    expect(found.caution).toMatch(/do not tell the activation.*vit_base_patch32_clip_quickgelu_224/);
    expect(missing(net, clip(net))).toEqual(["head.weight", "head.bias"]);
  });

  test("within a larger model", async () => {
    const net = await network("vit_base_patch32_clip_224.openai", { ...small, num_classes: 0 });
    const file = renamed(clip(net), (name) => `model.vision_tower.${name}`);
    expectSameNetwork(net, file, "Hugging Face CLIP under model.vision_tower.vision_model");
  });
});

describe("Hugging Face SigLIP", () => {
  function siglip(net: Network): Map<string, Plain> {
    const file = tower(net);
    for (const name of ["weight", "bias"]) {
      const [q, kv] = ["q", "kv"].map((x) => entry(net.file, `attn_pool.${x}.${name}`));
      const [, ...rest] = q?.shape ?? [];
      file.set(`attn_pool.attention.in_proj_${name}`, {
        shape: [3 * 48, ...rest],
        values: Float32Array.from([...(q?.values ?? []), ...(kv?.values ?? [])]),
      });
      for (const x of ["q", "kv"]) file.delete(`attn_pool.${x}.${name}`);
    }
    const head = renamed(file, (name) =>
      name
        .replace("attn_pool.latent", "attn_pool.probe")
        .replace("attn_pool.proj", "attn_pool.attention.out_proj")
        .replace("attn_pool.norm", "attn_pool.layernorm")
        .replace("attn_pool.", "head."),
    );
    return under(head, "vision_model.").set("text_model.head.weight", one).set("logit_bias", one);
  }

  test("pools by a probe", async () => {
    const net = await network("vit_base_patch16_siglip_224", small);
    const { entries } = expectSameNetwork(net, siglip(net), "Hugging Face SigLIP under vision_model");
    expect(entries.find((e) => e.name === "attn_pool.kv.weight")?.from).toEqual([
      "vision_model.head.attention.in_proj_weight",
    ]);
  });

  test("a model without the head leaves it out", async () => {
    const pooled = await network("vit_base_patch16_siglip_224", small);
    const net = await network("vit_base_patch16_siglip_gap_224", small);
    const { dropped } = expectSameNetwork(net, siglip(pooled), "Hugging Face SigLIP under vision_model");
    expect(dropped.filter((d) => d.what === "the pooling head")).toHaveLength(11);
  });

  test("of NaFlex has its patches flattened, channels last", async () => {
    const net = await network("vit_base_patch16_siglip_224", small);
    const file = siglip(net);
    const name = "vision_model.embeddings.patch_embedding.weight";
    const { values } = entry(file, name);
    const flat = Float32Array.from(values, (_, i) => {
      const [o, y, x, c] = [Math.floor(i / 768), Math.floor(i / 48) % 16, Math.floor(i / 3) % 16, i % 3];
      return values[((o * 3 + c) * 16 + y) * 16 + x] ?? 0;
    });
    expectSameNetwork(
      net,
      file.set(name, { shape: [48, 768], values: flat }),
      "Hugging Face SigLIP under vision_model",
    );
  });

  test("in PaliGemma has no head, which a model with one misses", async () => {
    const pooled = await network("vit_base_patch16_siglip_224", small);
    const net = await network("vit_base_patch16_siglip_gap_224", small);
    const file = renamed(siglip(pooled), (name) => (name.includes(".head.") ? undefined : `vision_tower.${name}`));
    expectSameNetwork(net, file, "Hugging Face SigLIP under vision_tower.vision_model");
    expect(missing(pooled, file)).toContain("attn_pool.kv.weight");
  });
});

describe("InternViT", () => {
  const names: Names = [
    [/^cls_token$/, "embeddings.class_embedding"],
    [/^pos_embed$/, "embeddings.position_embedding"],
    [/^patch_embed\.proj\./, "embeddings.patch_embedding."],
    [/(ls\d)\.gamma/, "$1"],
    [/^blocks\./, "encoder.layers."],
  ];
  const model = "vit_intern300m_patch14_448";

  test.each([
    ["", "InternViT"],
    ["vision_model.", "InternViT under vision_model"],
  ])("under '%s'", async (prefix, layout) => {
    const net = await network(model, { ...small, img_size: 56 });
    const file = under(written(net.file, names), prefix);
    if (prefix !== "") file.set("language_model.norm.weight", one).set("mlp1.0.weight", one);
    expectSameNetwork(net, file, layout);
  });

  test("normed by the root mean square is another network", async () => {
    const net = await network(model, { ...small, img_size: 56, depth: 1 });
    const file = renamed(written(net.file, names), (name) => (/norm\d\.bias$/.test(name) ? undefined : name));
    expect(missing(net, file)).toEqual(["blocks.0.norm1.bias", "blocks.0.norm2.bias"]);
  });

  test.each(["vision_tower.", "model.vision_tower."])("of transformers, under %s", async (prefix) => {
    const net = await network(model, { ...small, img_size: 56, qk_norm: true });
    const hugging: Names = [
      ...embeddings,
      [/attn\.([qk])_norm/, "attention.$1_norm"],
      [/attn\.proj/, "attention.projection_layer"],
      [/ls(\d)\.gamma/, "lambda_$1"],
      [/norm1/, "layernorm_before"],
      [/norm2/, "layernorm_after"],
      [/^blocks\./, "encoder.layer."],
    ];
    const qkv = ["q", "k", "v"].map((x) => `attention.${x}_proj`) as [string, string, string];
    const file = under(written(net.file, hugging, qkv), prefix).set("model.language_model.norm.weight", one);
    expectSameNetwork(net, file, `Hugging Face InternVL under ${prefix.slice(0, -1)}`);
  });
});

describe("torchvision", () => {
  const names = (first: string, second: string): Names => [
    [/^cls_token$/, "class_token"],
    [/^pos_embed$/, "encoder.pos_embedding"],
    [/^patch_embed\.proj\./, "conv_proj."],
    [/^norm\./, "encoder.ln."],
    [/norm([12])\./, "ln_$1."],
    [/attn\.qkv\./, "self_attention.in_proj_"],
    [/attn\.proj/, "self_attention.out_proj"],
    [/fc1/, first],
    [/fc2/, second],
    [/^blocks\./, "encoder.layers.encoder_layer_"],
    [/^head\./, "heads.head."],
  ];

  test.each([
    ["0", "3"],
    ["linear_1", "linear_2"],
  ])("with MLPs of %s and %s", async (first, second) => {
    const net = await network("vit_base_patch16_224", classes);
    expectSameNetwork(net, written(net.file, names(first, second)), "torchvision");
  });
});

describe("pretrainings of Facebook", () => {
  test("MAE's decoder and masked token are left out", async () => {
    const net = await network("vit_base_patch16_224", { ...small, num_classes: 0 });
    const extra = ["mask_token", "decoder_pos_embed", "decoder_embed.weight", "decoder_blocks.0.norm1.weight"];
    const file = new Map([...net.file, ...extra.map((name) => [name, one] as const)]);
    const { dropped } = expectSameNetwork(net, file, "MAE with its decoder");
    expect(dropped.flatMap((d) => d.from).sort()).toEqual(extra.sort());
    const classifier = await network("vit_base_patch16_224", classes);
    expect(missing(classifier, file)).toEqual(["head.weight", "head.bias"]);
  });

  test("DINO's teacher is the network, its student and heads are not", async () => {
    const net = await network("vit_small_patch16_224", { ...small, num_classes: 0 });
    const file = renamed(net.file, (name) => `teacher.backbone.${name}`)
      .set("teacher.head.mlp.0.weight", one)
      .set("student.module.backbone.cls_token", one);
    const { dropped } = expectSameNetwork(net, file, "the teacher of DINO");
    expect(dropped.map((d) => d.from[0])).toEqual(["teacher.head.mlp.0.weight", "student.module.backbone.cls_token"]);
  });

  test("DINOv2's teacher has its blocks in chunks", async () => {
    const net = await network("vit_small_patch14_dinov2", { ...small, img_size: 56 });
    const chunk = (name: string): string => name.replace(/^blocks\.(\d+)\./, "blocks.0.$1.");
    const file = renamed(net.file, (name) => `teacher.backbone.${chunk(name)}`).set("teacher.backbone.mask_token", one);
    expectSameNetwork(net, file, "the teacher of DINO");
  });
});

test("DeiT III has its LayerScale under other names", async () => {
  const net = await network("deit3_small_patch16_224", classes);
  const file = renamed(net.file, (name) => name.replace(/ls(\d)\.gamma/, "gamma_$1"));
  expectSameNetwork(net, file, undefined);
  file.delete("blocks.1.gamma_2");
  expect(missing(net, file)).toEqual(["blocks.1.ls2.gamma"]);
  expectSameNetwork(net, net.file, undefined);
});

test("positions that are a square only with the tokens of a distilled model are resampled for it", async () => {
  const net = await network("deit_tiny_distilled_patch16_224", classes);
  const table = { shape: [1, 11, 48], values: new Float32Array(11 * 48).fill(2) };
  const { source } = remapped(net, new Map(net.file).set("pos_embed", table));
  expect(source.get("pos_embed")?.shape).toEqual([1, 18, 48]);
});
