import type { RelPosConfig } from "./config.ts";

type Row = Partial<RelPosConfig>;

const plus: Row = { embed_dim: 896, num_heads: 14 };
const small: Row = { embed_dim: 384, num_heads: 6, qkv_bias: false };
const medium: Row = { embed_dim: 512, num_heads: 8, qkv_bias: false };
const base: Row = { qkv_bias: false };
const pooled: Row = { fc_norm: true };
const token: Row = { class_token: true, global_pool: "token" };
const postNorm: Row = { block_fn: "res_post_norm" };

export const variants: Readonly<Record<string, Row>> = {
  vit_relpos_base_patch32_plus_rpn_256: { ...plus, ...postNorm, patch_size: [32, 32] },
  vit_relpos_base_patch16_plus_240: plus,
  vit_relpos_small_patch16_224: { ...small, ...pooled },
  vit_relpos_medium_patch16_224: { ...medium, ...pooled },
  vit_relpos_base_patch16_224: { ...base, ...pooled },
  vit_srelpos_small_patch16_224: { ...small, rel_pos_dim: 384, shared_rel_pos: true },
  vit_srelpos_medium_patch16_224: { ...medium, rel_pos_dim: 512, shared_rel_pos: true },
  vit_relpos_medium_patch16_cls_224: { ...medium, ...token, rel_pos_dim: 256 },
  vit_relpos_base_patch16_cls_224: { ...base, ...token },
  vit_relpos_base_patch16_clsgap_224: { ...base, ...pooled, class_token: true },
  vit_relpos_small_patch16_rpn_224: { ...small, ...postNorm },
  vit_relpos_medium_patch16_rpn_224: { ...medium, ...postNorm },
  vit_relpos_base_patch16_rpn_224: { ...base, ...postNorm },
};
