/** Vision transformers whose positions are biases of the scores alone, by table (BEiT) or by MLP (Swin V2, arXiv:2111.09883). */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { blockStages, noting } from "../layers/block-stages.ts";
import { fullyConnected } from "../layers/classifier.ts";
import type { Pair } from "../layers/conv.ts";
import { mergeHeads, splitHeads } from "../layers/heads.ts";
import { layerScale } from "../layers/layer-scale.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { layerNorm } from "../layers/norm.ts";
import { patchEmbed } from "../layers/patch-embed.ts";
import { mlpBias, tableBias } from "../layers/relative-position.ts";
import { split } from "../layers/split.ts";
import { embedTokens, prefixTokens } from "../layers/token-embedding.ts";
import { poolTokens } from "../layers/token-head.ts";
import type { Module, Scope } from "../scope.ts";
import { type RelPosConfig, args, refuse } from "./config.ts";
import { variants } from "./variants.ts";

const norm = layerNorm(1e-6);

/** The biases that a scope's parameters give, [1, heads, tokens, tokens]. */
function biasIn(s: Scope, c: RelPosConfig, window: Pair): Value {
  const prefix = c.class_token ? 1 : 0;
  if (c.rel_pos_type === "bias") return tableBias(s, c.num_heads, window, prefix);
  const mode = c.rel_pos_type === "mlp_swin" ? "swin" : "cr";
  return mlpBias(s, c.num_heads, window, { hidden: c.rel_pos_dim || 128, mode, prefix });
}

const attention =
  (c: RelPosConfig, window: Pair, shared: Value | undefined): Module =>
  (s, x) => {
    const width = c.embed_dim;
    const qkv = s.call("qkv", linear(3 * width, { bias: c.qkv_bias }), x);
    const [q, k, v] = split(s, qkv, [width, width, width]);
    const byHead = (y: Value): Value => splitHeads(s, y, c.num_heads);
    const qkNorm = c.qk_norm ? norm : undefined;
    const mixed = s.attention(
      s.chain(byHead(q), { q_norm: qkNorm }),
      s.chain(byHead(k), { k_norm: qkNorm }),
      byHead(v),
      shared ?? biasIn(s.at("rel_pos"), c, window),
      { scale: (width / c.num_heads) ** -0.5 },
    );
    return s.call("proj", linear(width), mergeHeads(s, mixed));
  };

const block =
  (c: RelPosConfig, window: Pair, shared: Value | undefined): Module =>
  (s, x) => {
    const attn = attention(c, window, shared);
    const feed = mlp(Math.trunc(c.embed_dim * c.mlp_ratio) || c.embed_dim);
    if (c.block_fn === "res_post_norm") {
      const y = s.add(x, s.chain(x, { attn, norm1: norm }));
      return s.add(y, s.chain(y, { mlp: feed, norm2: norm }));
    }
    const scale = c.init_values ? layerScale : undefined;
    const y = s.add(x, s.chain(x, { norm1: norm, attn, ls1: scale }));
    return s.add(y, s.chain(y, { norm2: norm, mlp: feed, ls2: scale }));
  };

export default defineFamily({
  name: "vision_transformer_relpos",
  paper: "https://arxiv.org/abs/2010.11929",
  args,
  variants,
  lastStages: 3,
  refuse,
  fixedSize: () => "rel_pos has the relative positions of the patches of img_size",
  groups: () => [stemGroup(/cls_token|patch_embed/), blockGroup(/blocks\.(\d+)/), blockGroup(/norm/, "last")],
  build: (s, image, c) => {
    const window: Pair = [Math.floor(c.img_size[0] / c.patch_size[0]), Math.floor(c.img_size[1] / c.patch_size[1])];
    const prefix = c.class_token ? 1 : 0;
    const embed = patchEmbed({ patch: c.patch_size, width: c.embed_dim, size: c.img_size });
    const embedded = embedTokens(s, s.call("patch_embed", embed, image), prefixTokens(["cls_token", prefix]));
    const shared = c.shared_rel_pos ? biasIn(s.at("shared_rel_pos"), c, window) : undefined;
    const outputs: Value[] = [];
    const blocks = Array.from({ length: c.depth }, () => block(c, window, shared));
    const tokens = s.chain(embedded, { blocks: noting(blocks, outputs), norm: c.fc_norm ? undefined : norm });
    const pooled = poolTokens(s, tokens, c.global_pool, prefix);
    const preLogits = s.chain(pooled, { fc_norm: c.fc_norm ? norm : undefined });
    const stages = blockStages(s, outputs, {
      grid: window,
      reduction: Math.max(...c.patch_size),
      prefix,
      norm: c.fc_norm ? undefined : { path: "norm", module: norm },
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
