/** Google's .npz files: ViT, AugReg, and big_vision's ViT, SigLIP, FlexiViT and PaliGemma (timm's _load_weights). */
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { bilinear } from "../layers/pos-embed.ts";
import type { Compute, Layout, Step } from "../remap/remap.ts";
import { patchKernelToModel, posEmbedToModel } from "../remap/resample.ts";
import { change, defined, drop, extent, flaxKernel, merge, only, rename, renames } from "../remap/steps.ts";
import type { Ops } from "../scope.ts";

/** What a layout of these files is made for. */
export interface NpzModel {
  readonly depth: number;
  readonly grid: readonly [number, number];
  /** Positions of tokens before the patches. */
  readonly covered: number;
}

/** Which children flax numbered how: the older code counts attention and MLP among the norms. */
interface Numbering {
  readonly attention: number;
  readonly norm2: number;
  readonly mlp: number;
}

const older: Numbering = { attention: 1, norm2: 2, mlp: 3 };
const bigVision: Numbering = { attention: 0, norm2: 1, mlp: 0 };

/** Blocks that lie one upon the other in every entry, [depth, ...]. */
const unstack = (depth: number): Compute => ({
  kind: "compute",
  law: "unstack",
  from: /^Transformer\/encoderblock\/(.+)$/,
  with: [],
  to: Array.from({ length: depth }, (_, i) => `Transformer/encoderblock_${i}/$1`),
  make: (b, [value]) => {
    const x = defined(value);
    const blocks = extent(x, 0);
    if (blocks !== depth) throw new TimmcError("weights", `it has ${blocks} blocks and the model ${depth}`);
    const [, ...shape] = x.type.shape;
    return Array.from({ length: depth }, (_, i) => b.reshape(b.slice(x, { axis: 0, range: [i, i + 1] }), { shape }));
  },
});

/** A dense layer [in, out] as [out, in]. */
const dense = (from: RegExp, to: string): Compute =>
  change("transpose", from, (b, x) => b.transpose(x, { perm: [1, 0] }), to);

/** From the width to the heads, [C, heads, D] as [heads D, C], and the bias [heads, D] flattened. */
const toHeads = (b: Ops, x: Value): Value => {
  const [rows, columns] = [extent(x, 0), extent(x, -1)];
  if (x.type.shape.length === 2) return b.reshape(x, { shape: [rows * columns] });
  const joined = b.reshape(x, { shape: [rows, extent(x, 1) * columns] });
  return b.transpose(joined, { perm: [1, 0] });
};

/** From the heads to the width, [heads, D, C] as [C, heads D]. */
const fromHeads = (b: Ops, x: Value): Value => {
  const [heads, size, width] = [extent(x, 0), extent(x, 1), extent(x, 2)];
  return b.transpose(b.reshape(x, { shape: [heads * size, width] }), { perm: [1, 0] });
};

/** The attention of flax under `place`, with q, k and v as layers of timm's under `to`. */
const attention = (place: string, to: string): readonly Step[] => [
  change("merge the heads", new RegExp(`^${place}/(query|key|value)/kernel$`), toHeads, `${to}.$2.weight`),
  change("merge the heads", new RegExp(`^${place}/(query|key|value)/bias$`), toHeads, `${to}.$2.bias`),
  change("merge the heads", new RegExp(`^${place}/out/kernel$`), fromHeads, `${to}.proj.weight`),
  rename(new RegExp(`^${place}/out/bias$`), `${to}.proj.bias`),
];

const mlp = (place: string, to: string): readonly Step[] =>
  [0, 1].flatMap((i) => [
    dense(new RegExp(`^${place}/Dense_${i}/kernel$`), `${to}.fc${i + 1}.weight`),
    rename(new RegExp(`^${place}/Dense_${i}/bias$`), `${to}.fc${i + 1}.bias`),
  ]);

const norm = (place: string, to: string): readonly Step[] =>
  renames([new RegExp(`^${place}/scale$`), `${to}.weight`], [new RegExp(`^${place}/bias$`), `${to}.bias`]);

/** The place of a block; its number is the first group. */
const block = "Transformer/encoderblock_(\\d+)";
/** The pooling head; its number, always 0, is the first group. */
const pool = "MAPHead_(0)";

const encoder = (n: Numbering, depth: number): readonly Step[] => [
  unstack(depth),
  ...norm(`${block}/LayerNorm_0`, "blocks.$1.norm1"),
  ...norm(`${block}/LayerNorm_${n.norm2}`, "blocks.$1.norm2"),
  ...attention(`${block}/MultiHeadDotProductAttention_${n.attention}`, "blocks.$1.attn"),
  ...mlp(`${block}/MlpBlock_${n.mlp}`, "blocks.$1.mlp"),
  merge(/^(blocks\.\d+\.attn)\.query\.(weight|bias)$/, ["$1.key.$2", "$1.value.$2"], "$1.qkv.$2"),
  ...norm("Transformer/encoder_norm", "norm"),
];

const poolingHead: readonly Step[] = [
  drop(/^MAPHead_0\//, "the pooling head", (target) => !target.has("attn_pool.latent")),
  rename(/^MAPHead_0\/probe$/, "attn_pool.latent"),
  ...attention(`${pool}/MultiHeadDotProductAttention_0`, "attn_pool"),
  ...norm(`${pool}/LayerNorm_0`, "attn_pool.norm"),
  ...mlp(`${pool}/MlpBlock_0`, "attn_pool.mlp"),
  rename(/^attn_pool\.query\./, "attn_pool.q."),
  merge(/^attn_pool\.key\.(weight|bias)$/, ["attn_pool.value.$1"], "attn_pool.kv.$1"),
];

const steps = (n: Numbering, { depth, grid, covered }: NpzModel): readonly Step[] => [
  flaxKernel(/^embedding\/kernel$/, "patch_embed.proj.weight"),
  ...renames(
    [/^embedding\/bias$/, "patch_embed.proj.bias"],
    [/^cls$/, "cls_token"],
    [/^(?:Transformer\/posembed_input\/)?pos_embedding$/, "pos_embed"],
    [/^head\/bias$/, "head.bias"],
  ),
  dense(/^head\/kernel$/, "head.weight"),
  ...encoder(n, depth),
  ...poolingHead,
  patchKernelToModel(/^patch_embed\.proj\.weight$/, bilinear),
  posEmbedToModel(/^pos_embed$/, grid, covered, bilinear),
];

/** By where the patches' kernel lies, in timm's order. */
export const npzLayouts = (model: NpzModel): readonly Layout[] => [
  {
    name: "Google's .npz of a training",
    when: (file) => file.has("opt/target/embedding/kernel"),
    steps: [only("opt/target/"), ...steps(older, model)],
  },
  {
    name: "big_vision",
    when: (file) => file.has("params/embedding/kernel"),
    steps: [only("params/"), ...steps(bigVision, model)],
  },
  {
    name: "big_vision's image tower",
    when: (file) => file.has("params/img/embedding/kernel"),
    steps: [only("params/img/"), ...steps(bigVision, model)],
  },
  {
    name: "Google's .npz",
    when: (file) => file.has("embedding/kernel"),
    steps: steps(older, model),
  },
];
