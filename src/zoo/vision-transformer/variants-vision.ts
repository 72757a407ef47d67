/** Image encoders trained without labels: DINOv2, TIPSv2, AIMv2, BEiT-3, InternViT. A row per architecture. */
import { type Row, patch, sizes } from "./sizes.ts";

const { small, base, large, so400m } = sizes;

const dino: Row = { ...patch(14), init_values: 1e-5 };
const registers: Row = { reg_tokens: 4, no_embed_class: true };
const tips: Row = { ...patch(14), init_values: 1, reg_tokens: 1, no_embed_class: true };
/** The packed gate halves the width inside: 2 * 2.66667 * 1536 is 8192. */
const giantGated: Row = {
  embed_dim: 1536,
  depth: 40,
  num_heads: 24,
  mlp_ratio: 2 * 2.66667,
  mlp_layer: "swiglu_packed",
  act_layer: "silu",
};

const aim: Row = {
  ...patch(14),
  depth: 24,
  class_token: false,
  global_pool: "avg",
  fc_norm: false,
  qkv_bias: false,
  proj_bias: false,
  act_layer: "silu",
  mlp_layer: "swiglu",
  norm_layer: { name: "rmsnorm", eps: 1e-5 },
  embed_norm_layer: { name: "rmsnorm", eps: 1e-5 },
};
const aimLarge: Row = { ...aim, embed_dim: 1024, num_heads: 8, mlp_ratio: 2.75 };
const aimHuge: Row = { ...aim, embed_dim: 1536, num_heads: 12, mlp_ratio: 2.6667 };
const aim1b: Row = { ...aim, embed_dim: 2048, num_heads: 16, mlp_ratio: 2.75 };
const aim3b: Row = { ...aim, embed_dim: 3072, num_heads: 24, mlp_ratio: 2.6667 };

const beit: Row = {
  scale_attn_norm: true,
  scale_mlp_norm: true,
  global_pool: "avg",
  norm_layer: { name: "layernorm", eps: 1e-5 },
};
const beitGiant: Row = { ...beit, ...patch(14), embed_dim: 1408, depth: 40, num_heads: 16, mlp_ratio: 4.3637 };

export const visionVariants: Readonly<Record<string, Row>> = {
  vit_small_patch14_dinov2: { ...dino, ...small },
  vit_base_patch14_dinov2: { ...dino, ...base },
  vit_large_patch14_dinov2: { ...dino, ...large },
  vit_giant_patch14_dinov2: { ...dino, ...giantGated },
  vit_small_patch14_reg4_dinov2: { ...dino, ...small, ...registers },
  vit_base_patch14_reg4_dinov2: { ...dino, ...base, ...registers },
  vit_large_patch14_reg4_dinov2: { ...dino, ...large, ...registers },
  vit_giant_patch14_reg4_dinov2: { ...dino, ...giantGated, ...registers },
  vit_base_patch14_reg1_tipsv2: { ...tips, ...base },
  vit_large_patch14_reg1_tipsv2: { ...tips, ...large },
  vit_so400m_patch14_reg1_tipsv2: { ...tips, ...so400m, mlp_ratio: 4304 / 1152 },
  vit_giant_patch14_reg1_tipsv2: { ...tips, ...giantGated },
  vit_intern300m_patch14_448: {
    ...patch(14),
    ...large,
    init_values: 0.1,
    final_norm: false,
    dynamic_img_size: true,
  },
  aimv2_large_patch14_224: aimLarge,
  aimv2_huge_patch14_224: aimHuge,
  aimv2_1b_patch14_224: aim1b,
  aimv2_3b_patch14_224: aim3b,
  aimv2_large_patch14_336: aimLarge,
  aimv2_huge_patch14_336: aimHuge,
  aimv2_1b_patch14_336: aim1b,
  aimv2_3b_patch14_336: aim3b,
  aimv2_large_patch14_448: aimLarge,
  aimv2_huge_patch14_448: aimHuge,
  aimv2_1b_patch14_448: aim1b,
  aimv2_3b_patch14_448: aim3b,
  beit3_base_patch16_224: beit,
  beit3_large_patch16_224: { ...beit, ...large },
  beit3_giant_patch14_224: beitGiant,
  beit3_giant_patch14_336: { ...beitGiant, img_size: [336, 336] },
};
