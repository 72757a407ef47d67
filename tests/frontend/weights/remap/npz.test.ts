import { describe, expect, test } from "vitest";
import {
  type Network,
  type Plain,
  entry,
  expectSameNetwork,
  missing,
  network,
  parts,
  remapped,
  reshaped,
  transposedPlain,
} from "./network.ts";

const heads = 3;
const small = { depth: 2, embed_dim: 24, num_heads: heads, img_size: 32 };

/** Axes in another order. */
function permuted({ shape, values }: Plain, perm: readonly number[]): Plain {
  const to = perm.map((axis) => shape[axis] ?? 1);
  const stride = (axis: number): number => shape.slice(axis + 1).reduce((n, d) => n * d, 1);
  const out = new Float32Array(values.length);
  for (let i = 0; i < out.length; i++) {
    let [rest, at] = [i, 0];
    for (let d = to.length - 1; d >= 0; d--) {
      at += (rest % (to[d] ?? 1)) * stride(perm[d] ?? 0);
      rest = Math.floor(rest / (to[d] ?? 1));
    }
    out[i] = values[at] ?? 0;
  }
  return { shape: to, values: out };
}

/** Several tensors of one shape as one with an axis more. */
const stacked = (plains: readonly Plain[]): Plain => ({
  shape: [plains.length, ...(plains[0]?.shape ?? [])],
  values: Float32Array.from(plains.flatMap((p) => [...p.values])),
});

/** A layer of timm's, [heads D, C], as flax has it: [C, heads, D]. */
const toHeads = (plain: Plain): Plain => {
  const [out = 0, width = 0] = plain.shape;
  return plain.shape.length === 1
    ? reshaped(plain, [heads, out / heads])
    : reshaped(transposedPlain(plain), [width, heads, out / heads]);
};
/** [C, heads D] as [heads, D, C]. */
const fromHeads = (plain: Plain): Plain =>
  reshaped(transposedPlain(plain), [heads, (plain.shape[1] ?? 0) / heads, plain.shape[0] ?? 0]);

interface Numbers {
  readonly attention: number;
  readonly norm2: number;
  readonly mlp: number;
  readonly positions: string;
}
const older: Numbers = { attention: 1, norm2: 2, mlp: 3, positions: "Transformer/posembed_input/pos_embedding" };
const bigVision: Numbers = { attention: 0, norm2: 1, mlp: 0, positions: "pos_embedding" };

function attentionOf(prefix: string, layer: (name: string) => Plain, qkv: readonly Plain[]): [string, Plain][] {
  return [
    ...["query", "key", "value"].flatMap((name, i): [string, Plain][] => [
      [`${prefix}/${name}/kernel`, toHeads(qkv[i] ?? expect.fail())],
      [`${prefix}/${name}/bias`, toHeads(qkv[i + 3] ?? expect.fail())],
    ]),
    [`${prefix}/out/kernel`, fromHeads(layer("proj.weight"))],
    [`${prefix}/out/bias`, layer("proj.bias")],
  ];
}

const mlpOf = (prefix: string, layer: (name: string) => Plain): [string, Plain][] =>
  [0, 1].flatMap((i): [string, Plain][] => [
    [`${prefix}/Dense_${i}/kernel`, transposedPlain(layer(`fc${i + 1}.weight`))],
    [`${prefix}/Dense_${i}/bias`, layer(`fc${i + 1}.bias`)],
  ]);

const normOf = (prefix: string, layer: (name: string) => Plain): [string, Plain][] => [
  [`${prefix}/scale`, layer("weight")],
  [`${prefix}/bias`, layer("bias")],
];

function blockOf({ file }: Network, i: number, n: Numbers): [string, Plain][] {
  const at = (place: string) => (name: string) => entry(file, `blocks.${i}.${place}.${name}`);
  const qkv = ["weight", "bias"].flatMap((name) => parts(at("attn.qkv")(name), 3));
  return [
    ...normOf("LayerNorm_0", at("norm1")),
    ...normOf(`LayerNorm_${n.norm2}`, at("norm2")),
    ...attentionOf(`MultiHeadDotProductAttention_${n.attention}`, at("attn"), qkv),
    ...mlpOf(`MlpBlock_${n.mlp}`, at("mlp")),
  ];
}

function poolOf({ file }: Network): [string, Plain][] {
  const at = (place: string) => (name: string) => entry(file, `attn_pool.${place}${name}`);
  const [k, v] = parts(at("kv.")("weight"), 2);
  const [kBias, vBias] = parts(at("kv.")("bias"), 2);
  const qkv = [at("q.")("weight"), k, v, at("q.")("bias"), kBias, vBias].map((x) => x ?? expect.fail());
  return [
    ["MAPHead_0/probe", at("")("latent")],
    ...normOf("MAPHead_0/LayerNorm_0", at("norm.")),
    ...attentionOf("MAPHead_0/MultiHeadDotProductAttention_0", at(""), qkv),
    ...mlpOf("MAPHead_0/MlpBlock_0", at("mlp.")),
  ];
}

/** The network as Google writes it. */
function google(net: Network, prefix: string, n: Numbers, isStacked = false): Map<string, Plain> {
  const take = (name: string, to: string, change = (x: Plain): Plain => x): [string, Plain][] => {
    const plain = net.file.get(name);
    return plain === undefined ? [] : [[to, change(plain)]];
  };
  const all = [0, 1].map((i) => blockOf(net, i, n));
  const [first = []] = all;
  const blocks = isStacked
    ? first.map(([name], j): [string, Plain] => [
        `Transformer/encoderblock/${name}`,
        stacked(all.map((block) => block[j]?.[1] ?? expect.fail())),
      ])
    : all.flatMap((block, i) =>
        block.map(([name, x]): [string, Plain] => [`Transformer/encoderblock_${i}/${name}`, x]),
      );
  const entries = [
    ...take("patch_embed.proj.weight", "embedding/kernel", (x) => permuted(x, [2, 3, 1, 0])),
    ...take("patch_embed.proj.bias", "embedding/bias"),
    ...take("cls_token", "cls"),
    ...take("pos_embed", n.positions),
    ...normOf("Transformer/encoder_norm", (name) => entry(net.file, `norm.${name}`)),
    ...take("head.weight", "head/kernel", transposedPlain),
    ...take("head.bias", "head/bias"),
    ...blocks,
    ...(net.file.has("attn_pool.latent") ? poolOf(net) : []),
  ];
  return new Map(entries.map(([name, x]) => [prefix + name, x]));
}

const one: Plain = { shape: [1], values: Float32Array.of(1) };

test.each([
  ["", "Google's .npz"],
  ["opt/target/", "Google's .npz of a training"],
])("ViT of Google under %s", async (prefix, layout) => {
  const net = await network("vit_base_patch16_224", { ...small, num_classes: 5 });
  const file = google(net, prefix, older).set("opt/state/step", one).set(`${prefix}pre_logits/kernel`, one);
  if (prefix === "") file.delete("opt/state/step");
  const { dropped } = expectSameNetwork(net, file, layout);
  expect(dropped.map((d) => d.from[0])).toContain(`${prefix}pre_logits/kernel`);
});

describe.each([
  ["params/", "big_vision", false],
  ["params/img/", "big_vision's image tower", true],
  ["params/img/", "big_vision's image tower", false],
] as const)("big_vision under %s", (prefix, layout, isStacked) => {
  test(`SigLIP's pooling head${isStacked ? ", blocks in one stack" : ""}`, async () => {
    const net = await network("vit_base_patch16_siglip_224", small);
    expectSameNetwork(net, google(net, prefix, bigVision, isStacked), layout);
  });

  test(`a model without the head leaves it out${isStacked ? ", blocks in one stack" : ""}`, async () => {
    const pooled = await network("vit_base_patch16_siglip_224", small);
    const net = await network("vit_base_patch16_siglip_gap_224", small);
    const { dropped } = expectSameNetwork(net, google(pooled, prefix, bigVision, isStacked), layout);
    expect(new Set(dropped.map((d) => d.what))).toEqual(new Set(["the pooling head"]));
  });
});

test("FlexiViT has positions of patches alone, and PaliGemma's language model is left out", async () => {
  const net = await network("flexivit_small", { ...small, num_classes: 5 });
  const file = google(net, "params/", bigVision);
  expectSameNetwork(net, file, "big_vision");
  const tower = await network("vit_so400m_patch14_siglip_gap_224", { ...small, img_size: 28 });
  const pali = google(tower, "params/img/", bigVision, true).set("params/llm/embedder/input_embedding", one);
  const { dropped } = expectSameNetwork(tower, pali, "big_vision's image tower");
  expect(dropped).toEqual([{ from: ["params/llm/embedder/input_embedding"], what: "not under params/img/" }]);
});

test("positions and patches of another size are resampled bilinearly, where files of timm's names are bicubic", async () => {
  const [from, to] = [
    await network("vit_base_patch16_224", small),
    await network("vit_base_patch16_224", { ...small, img_size: 64 }),
  ];
  const flexible = await network("flexivit_small", { ...small, img_size: 64, no_embed_class: false });
  const bytes = (net: Network, file: ReadonlyMap<string, Plain>): unknown =>
    remapped(net, file).source.get("pos_embed")?.read();
  const own = bytes(to, google(from, "", older));
  expect(own).toEqual(bytes(flexible, from.file));
  expect(own).not.toEqual(bytes(to, from.file));
});

describe("near misses", () => {
  test("a stack of other depth is refused", async () => {
    const net = await network("vit_base_patch16_siglip_224", small);
    const deep = await network("vit_base_patch16_siglip_224", { ...small, depth: 3 });
    const file = google(net, "params/img/", bigVision, true);
    expect(() => remapped(deep, file)).toThrow(
      /Transformer\/encoderblock\/.*\(unstack\): it has 2 blocks and the model 3/s,
    );
  });

  test("a key's kernel that is missing leaves the attention without values", async () => {
    const net = await network("vit_base_patch16_224", { ...small, num_classes: 5 });
    const file = google(net, "", older);
    file.delete("Transformer/encoderblock_1/MultiHeadDotProductAttention_1/key/kernel");
    expect(missing(net, file)).toEqual(["blocks.1.attn.qkv.weight"]);
  });

  test("children numbered by the other code are not taken", async () => {
    const net = await network("vit_base_patch16_224", { ...small, num_classes: 5, depth: 2 });
    const lost = missing(net, google(net, "params/", { ...older, positions: "pos_embedding" }));
    expect(lost).toContain("blocks.0.attn.qkv.weight");
    expect(lost).toContain("blocks.1.mlp.fc1.weight");
  });
});
