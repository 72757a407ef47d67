/** Networks of three heads under the names, and in the shapes, of Google's .npz files. */
import { type Network, type Plain, entry, parts, reshaped, transposedPlain } from "./network.ts";

const heads = 3;

const lost = (): never => {
  throw new Error("the network lacks a part");
};

export const small = { depth: 2, embed_dim: 24, num_heads: heads, img_size: 32 };

/** Axes in another order. */
export function permuted({ shape, values }: Plain, perm: readonly number[]): Plain {
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
export const older: Numbers = { attention: 1, norm2: 2, mlp: 3, positions: "Transformer/posembed_input/pos_embedding" };
export const bigVision: Numbers = { attention: 0, norm2: 1, mlp: 0, positions: "pos_embedding" };

function attentionOf(prefix: string, layer: (name: string) => Plain, qkv: readonly Plain[]): [string, Plain][] {
  return [
    ...["query", "key", "value"].flatMap((name, i): [string, Plain][] => [
      [`${prefix}/${name}/kernel`, toHeads(qkv[i] ?? lost())],
      [`${prefix}/${name}/bias`, toHeads(qkv[i + 3] ?? lost())],
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
  const qkv = [at("q.")("weight"), k, v, at("q.")("bias"), kBias, vBias].map((x) => x ?? lost());
  return [
    ["MAPHead_0/probe", at("")("latent")],
    ...normOf("MAPHead_0/LayerNorm_0", at("norm.")),
    ...attentionOf("MAPHead_0/MultiHeadDotProductAttention_0", at(""), qkv),
    ...mlpOf("MAPHead_0/MlpBlock_0", at("mlp.")),
  ];
}

/** The network as Google writes it. */
export function google(net: Network, prefix: string, n: Numbers, isStacked = false): Map<string, Plain> {
  const take = (name: string, to: string, change = (x: Plain): Plain => x): [string, Plain][] => {
    const plain = net.file.get(name);
    return plain === undefined ? [] : [[to, change(plain)]];
  };
  const all = [0, 1].map((i) => blockOf(net, i, n));
  const [first = []] = all;
  const blocks = isStacked
    ? first.map(([name], j): [string, Plain] => [
        `Transformer/encoderblock/${name}`,
        stacked(all.map((block) => block[j]?.[1] ?? lost())),
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
