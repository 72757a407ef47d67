/** CaiT: Touvron et al. 2021, "Going deeper with image transformers" (arXiv:2103.17239). */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { blockGroup, laterBlockGroup, stemGroup } from "../groups.ts";
import { blockStages, noting } from "../layers/block-stages.ts";
import { classAttention } from "../layers/class-attention.ts";
import { mergeHeads, splitHeads } from "../layers/heads.ts";
import { linear } from "../layers/linear.ts";
import { scaleBy } from "../layers/layer-scale.ts";
import { mlp } from "../layers/mlp.ts";
import { layerNorm } from "../layers/norm.ts";
import { patchEmbed, patchGrid } from "../layers/patch-embed.ts";
import { split } from "../layers/split.ts";
import { poolAndHead } from "../layers/token-head.ts";
import { embedTokens } from "../layers/token-embedding.ts";
import { rename } from "../remap/steps.ts";
import type { Module } from "../scope.ts";
import { type CaitConfig, args } from "./config.ts";
import { variants } from "./variants.ts";

const norm = layerNorm(1e-6);

/** Scores [N, heads, L, L] mixed by a linear layer over the heads. */
const acrossHeads =
  (heads: number): Module =>
  (s, x) =>
    s.transpose(linear(heads)(s, s.transpose(x, { perm: [0, 2, 3, 1] })), { perm: [0, 3, 1, 2] });

/** Talking heads (Shazeer et al. 2020): the heads' scores are mixed before the softmax and after. */
const talkingHeads =
  (c: CaitConfig): Module =>
  (s, x) => {
    const width = c.embed_dim;
    const qkv = s.call("qkv", linear(3 * width, { bias: c.qkv_bias }), x);
    const [q, k, v] = split(s, qkv, [width, width, width]);
    const scaled = s.mul(splitHeads(s, q, c.num_heads), s.scalar((width / c.num_heads) ** -0.5));
    const keys = s.transpose(splitHeads(s, k, c.num_heads), { perm: [0, 1, 3, 2] });
    const scores = s.call("proj_l", acrossHeads(c.num_heads), s.matmul(scaled, keys));
    const weights = s.call("proj_w", acrossHeads(c.num_heads), s.softmax(scores, { axis: -1 }));
    return s.call("proj", linear(width), mergeHeads(s, s.matmul(weights, splitHeads(s, v, c.num_heads))));
  };

/** timm's Mlp takes a width of 0 as not given. */
const feed = (c: CaitConfig, ratio: number): Module => mlp(Math.trunc(c.embed_dim * ratio) || c.embed_dim);

/** Eq. 3 and 4: LayerScale on both branches. */
const block =
  (c: CaitConfig): Module =>
  (s, x) => {
    const y = s.add(x, scaleBy(s, "gamma_1", s.chain(x, { norm1: norm, attn: talkingHeads(c) })));
    return s.add(y, scaleBy(s, "gamma_2", s.chain(y, { norm2: norm, mlp: feed(c, c.mlp_ratio) })));
  };

/** Section 3: the class token alone is updated, from itself and the patches. */
const classBlock =
  (c: CaitConfig, patches: Value): Module =>
  (s, token) => {
    const all = s.concat([token, patches], { axis: 1 });
    const attn = classAttention(c.num_heads, c.qkv_bias);
    const y = s.add(token, scaleBy(s, "gamma_1", s.chain(all, { norm1: norm, attn })));
    return s.add(y, scaleBy(s, "gamma_2", s.chain(y, { norm2: norm, mlp: feed(c, c.mlp_ratio_token_only) })));
  };

export default defineFamily({
  name: "cait",
  paper: "https://arxiv.org/abs/2103.17239",
  args,
  variants,
  lastStages: 3,
  refuse: (c) =>
    c.embed_dim % c.num_heads === 0
      ? undefined
      : `embed_dim=${c.embed_dim} must be divisible by num_heads=${c.num_heads}`,
  fixedSize: () => "pos_embed is added as it is: a row for every patch of img_size",
  groups: (_, c) => [
    stemGroup(/cls_token|pos_embed|patch_embed/),
    blockGroup(/blocks\.(\d+)/),
    laterBlockGroup(/blocks_token_only\.(\d+)/, c.depth - c.depth_token_only),
    blockGroup(/norm\./, "last"),
  ],
  remap: () => ({ layouts: [], tail: [rename(/module\./g, "")] }),
  build: (s, image, c) => {
    const [h = 1, w = 1] = image.type.shape.slice(2);
    const grid = patchGrid([h, w], c.patch_size);
    const native = [Math.floor(c.img_size[0] / c.patch_size[0]), Math.floor(c.img_size[1] / c.patch_size[1])] as const;
    const embed = patchEmbed({ patch: c.patch_size, width: c.embed_dim, size: c.img_size });
    const embedded = embedTokens(s, s.call("patch_embed", embed, image), [], { native, grid, ofPrefix: false });
    const outputs: Value[] = [];
    const blocks = Array.from({ length: c.depth }, () => block(c));
    const patches = s.call("blocks", noting(blocks, outputs), embedded);
    const batch = image.type.shape[0] ?? 1;
    let token: Value = s.expand(s.param("cls_token", [1, 1, c.embed_dim]), { shape: [batch, 1, c.embed_dim] });
    for (let i = 0; i < c.depth_token_only; i++)
      token = s.at("blocks_token_only").call(i, classBlock(c, patches), token);
    const tokens = s.call("norm", norm, s.concat([token, patches], { axis: 1 }));
    const head = poolAndHead(s, tokens, c.global_pool, c.num_classes);
    const stages = blockStages(s, outputs, {
      grid,
      reduction: Math.max(...c.patch_size),
      norm: { path: "norm", module: norm },
    });
    return { forwardFeatures: [tokens], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NLC" };
  },
});
