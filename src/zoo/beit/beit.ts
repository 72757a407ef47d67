/** BEiT: Bao et al. 2021 (arXiv:2106.08254), and BEiT v2: Peng et al. 2022 (2208.06366). */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { multiHeadMix } from "../layers/attention.ts";
import { biasedQkv } from "../layers/biased-qkv.ts";
import { blockStages, noting } from "../layers/block-stages.ts";
import { tableBias } from "../layers/relative-position.ts";
import { fullyConnected } from "../layers/classifier.ts";
import type { Pair } from "../layers/conv.ts";
import { swiGlu } from "../layers/glu-mlp.ts";
import { scaleBy } from "../layers/layer-scale.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { layerNorm } from "../layers/norm.ts";
import { patchEmbed } from "../layers/patch-embed.ts";
import { split } from "../layers/split.ts";
import { embedTokens } from "../layers/token-embedding.ts";
import { type TokenPool, poolTokens } from "../layers/token-head.ts";
import type { Module, Scope } from "../scope.ts";
import { type BeitConfig, args, refuse } from "./config.ts";
import { grid, remap } from "./remap.ts";
import { variants } from "./variants.ts";

const norm = layerNorm(1e-6);

/** What timm pools: it asks whether the name is empty, then whether it is "avg", and reads the class token otherwise. */
function poolOf(s: Scope, { global_pool: pool }: BeitConfig): TokenPool {
  if (pool === "" || pool === "token" || pool === "avg") return pool;
  s.notice(`global_pool=${pool} reads the class token: timm knows no other pooling here`);
  return "token";
}

/** Self-attention with biases by relative position: the block's own, those of all blocks, or both (2106.08254, section 2.2). */
const attention =
  (c: BeitConfig, window: Pair, shared: Value | undefined): Module =>
  (s, x) => {
    const width = c.embed_dim;
    const qkv = split(s, s.call("qkv", biasedQkv(s, width, c.qkv_bias), x), [width, width, width]);
    const own = c.use_rel_pos_bias ? tableBias(s, c.num_heads, window, 1) : undefined;
    const bias = own && shared ? s.add(own, shared) : (own ?? shared);
    return s.call("proj", linear(width), multiHeadMix(s, qkv, { heads: c.num_heads, bias }));
  };

const block =
  (c: BeitConfig, window: Pair, shared: Value | undefined): Module =>
  (s, x) => {
    const scaled = (name: string, y: Value): Value => (c.init_values ? scaleBy(s, name, y) : y);
    const hidden = Math.trunc(c.embed_dim * c.mlp_ratio) || c.embed_dim;
    const inner = { norm: c.scale_mlp ? norm : undefined };
    const y = s.add(x, scaled("gamma_1", s.chain(x, { norm1: norm, attn: attention(c, window, shared) })));
    const feed = c.swiglu_mlp ? swiGlu(hidden, inner) : mlp(hidden, inner);
    return s.add(y, scaled("gamma_2", s.chain(y, { norm2: norm, mlp: feed })));
  };

export default defineFamily({
  name: "beit",
  paper: "https://arxiv.org/abs/2106.08254",
  args,
  variants,
  lastStages: 3,
  refuse,
  fixedSize: () => "the image is taken at img_size alone: timm asserts it, and relative positions are of its patches",
  groups: () => [
    stemGroup(/cls_token|pos_embed|patch_embed|rel_pos_bias/),
    blockGroup(/blocks\.(\d+)/),
    blockGroup(/norm/, "last"),
  ],
  remap,
  build: (s, image, c) => {
    const window = grid(c);
    const embed = patchEmbed({ patch: c.patch_size, width: c.embed_dim, size: c.img_size });
    const positions = c.use_abs_pos_emb ? { native: window, grid: window, ofPrefix: true } : undefined;
    const embedded = embedTokens(s, s.call("patch_embed", embed, image), [["cls_token", 1]], positions);
    const shared = c.use_shared_rel_pos_bias ? tableBias(s.at("rel_pos_bias"), c.num_heads, window, 1) : undefined;
    const outputs: Value[] = [];
    const stack = Array.from({ length: c.depth }, () => block(c, window, shared));
    const normsPooled = c.global_pool === "avg";
    const tokens = s.chain(embedded, { blocks: noting(stack, outputs), norm: normsPooled ? undefined : norm });
    const preLogits = s.chain(poolTokens(s, tokens, poolOf(s, c)), { fc_norm: normsPooled ? norm : undefined });
    const stages = blockStages(s, outputs, {
      grid: window,
      reduction: Math.max(...c.patch_size),
      prefix: 1,
      norm: normsPooled ? undefined : { path: "norm", module: norm },
    });
    return {
      forwardFeatures: [tokens],
      preLogits: [preLogits],
      logits: [s.chain(preLogits, { head: fullyConnected(c.num_classes) })],
      stages,
      format: "NLC",
    };
  },
});
