/** ConViT: d'Ascoli et al. 2021, "Improving vision transformers with soft convolutional inductive biases" (arXiv:2103.10697). */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { commonArgs } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { attention } from "../layers/attention.ts";
import { mergeHeads, splitHeads } from "../layers/heads.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { layerNorm } from "../layers/norm.ts";
import { patchEmbed } from "../layers/patch-embed.ts";
import { split } from "../layers/split.ts";
import { poolAndHead, tokenPool } from "../layers/token-head.ts";
import { embedTokens } from "../layers/token-embedding.ts";
import { type ConfigOf, bool, classOnly, dropRates, dropout, inert, int, number, pair } from "../schema.ts";
import type { Module, Scope } from "../scope.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width of the input"),
  patch_size: pair(16, "pixels of a patch"),
  global_pool: tokenPool("token"),
  embed_dim: int(48, "width of a head", { min: 1 }),
  depth: int(12, "number of blocks", { min: 0 }),
  num_heads: int(12, "attention heads", { min: 1 }),
  mlp_ratio: number(4, "width inside an MLP per width of a token", { min: 0 }),
  qkv_bias: bool(false, "biases of queries, keys and values"),
  local_up_to_layer: int(10, "blocks of gated positional attention, which come first", { min: 0 }),
  use_pos_embed: bool(true, "learned position embeddings"),
  locality_strength: inert("initialisation of the positional scores; no effect at inference"),
  pos_drop_rate: dropout("dropout after the position embeddings; no effect at inference"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
  norm_layer: classOnly<undefined>(undefined, "the norms"),
  hybrid_backbone: classOnly<undefined>(undefined, "a network that makes the patches"),
};

type ConvitConfig = ConfigOf<typeof args>;

const norm = layerNorm(1e-6);

/** The step between every pair of patches of a square: column, row, squared distance, [L, L, 3] (eq. 7). */
const relativeSteps = (s: Scope, side: number): Value =>
  s.shared(`relative steps in a square of ${side}`, () => {
    const n = side * side;
    const width = s.scalar(side, "i64");
    const [from, to] = [s.iota({ axis: 0, shape: [n, 1] }), s.iota({ axis: 1, shape: [1, n] })];
    const float = (x: Value): Value => s.cast(x, { to: "f32" });
    const column = float(s.sub(s.mod(to, width), s.mod(from, width)));
    const row = float(s.sub(s.floor_div(to, width), s.floor_div(from, width)));
    const distance = s.add(s.mul(column, column), s.mul(row, row));
    return s.concat(
      [column, row, distance].map((x) => s.reshape(x, { shape: [n, n, 1] })),
      { axis: 2 },
    );
  });

/** Eq. 8: a gate per head between attention by content and attention by position; rows are normalised again. */
const gatedPositional =
  (c: ConvitConfig, width: number): Module =>
  (s, x) => {
    const length = s.static(x.type.shape[1] ?? 0, "positions are a table for a known size");
    const [q, k] = split(s, s.call("qk", linear(2 * width, { bias: c.qkv_bias }), x), [width, width]);
    const byHead = (y: Value): Value => splitHeads(s, y, c.num_heads);
    const keys = s.transpose(byHead(k), { perm: [0, 1, 3, 2] });
    const scores = s.mul(s.matmul(byHead(q), keys), s.scalar((width / c.num_heads) ** -0.5));
    const steps = relativeSteps(s, Math.floor(Math.sqrt(length)));
    const positional = s.transpose(s.call("pos_proj", linear(c.num_heads), steps), { perm: [2, 0, 1] });
    const gate = s.activation(s.reshape(s.param("gating_param", [c.num_heads]), { shape: [c.num_heads, 1, 1] }), {
      kind: "sigmoid",
    });
    const mixed = s.add(
      s.mul(s.sub(s.scalar(1), gate), s.softmax(scores, { axis: -1 })),
      s.mul(gate, s.softmax(positional, { axis: -1 })),
    );
    const weights = s.div(mixed, s.reduce_sum(mixed, { axes: [-1], keep: true }));
    const values = byHead(s.call("v", linear(width, { bias: c.qkv_bias }), x));
    return s.call("proj", linear(width), mergeHeads(s, s.matmul(weights, values)));
  };

const block =
  (c: ConvitConfig, width: number, local: boolean): Module =>
  (s, x) => {
    const attn = local ? gatedPositional(c, width) : attention({ heads: c.num_heads, qkvBias: c.qkv_bias });
    const y = s.add(x, s.chain(x, { norm1: norm, attn }));
    return s.add(y, s.chain(y, { norm2: norm, mlp: mlp(Math.trunc(width * c.mlp_ratio) || width) }));
  };

/** The class token joins the patches behind the blocks of positional attention. */
function blocks(s: Scope, patches: Value, c: ConvitConfig, width: number): Value {
  const batch = patches.type.shape[0] ?? 1;
  const token = s.expand(s.param("cls_token", [1, 1, width]), { shape: [batch, 1, width] });
  let x = patches;
  for (let i = 0; i < c.depth; i++) {
    if (i === c.local_up_to_layer) x = s.concat([token, x], { axis: 1 });
    x = s.at("blocks").call(i, block(c, width, i < c.local_up_to_layer), x);
  }
  return x;
}

export default defineFamily({
  name: "convit",
  paper: "https://arxiv.org/abs/2103.10697",
  args,
  variants: {
    convit_tiny: { num_heads: 4 },
    convit_small: { num_heads: 9 },
    convit_base: { num_heads: 16 },
  },
  refuse: (c) =>
    Math.floor(c.img_size[0] / c.patch_size[0]) === Math.floor(c.img_size[1] / c.patch_size[1]) ||
    c.local_up_to_layer === 0
      ? undefined
      : "gated positional attention takes its patches for a square: img_size and patch_size must make one",
  fixedSize: () => "pos_embed is added as it is: a row for every patch of img_size",
  groups: () => [stemGroup(/cls_token|pos_embed|patch_embed/), blockGroup(/blocks\.(\d+)/), blockGroup(/norm/, "last")],
  build: (s, image, c) => {
    const width = c.embed_dim * c.num_heads;
    const grid = [Math.floor(c.img_size[0] / c.patch_size[0]), Math.floor(c.img_size[1] / c.patch_size[1])] as const;
    const embed = patchEmbed({ patch: c.patch_size, width, size: c.img_size });
    const positions = c.use_pos_embed ? { native: grid, grid, ofPrefix: false } : undefined;
    const embedded = embedTokens(s, s.call("patch_embed", embed, image), [], positions);
    const tokens = s.call("norm", norm, blocks(s, embedded, c, width));
    const head = poolAndHead(s, tokens, c.global_pool, c.num_classes);
    return {
      forwardFeatures: [tokens],
      preLogits: [head.preLogits],
      logits: [head.logits],
      stages: [],
      format: "NLC",
    };
  },
});
