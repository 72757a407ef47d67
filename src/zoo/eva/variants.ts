import type { EvaConfig } from "./config.ts";

type Row = Partial<EvaConfig>;

const patch = (pixels: number): Row => ({ patch_size: [pixels, pixels] });
const image = (pixels: number): Row => ({ img_size: [pixels, pixels] });

const tiny: Row = { embed_dim: 192, num_heads: 3 };
const small: Row = { embed_dim: 384, num_heads: 6 };
const medium: Row = { embed_dim: 512, num_heads: 8 };
const large: Row = { embed_dim: 1024, depth: 24, num_heads: 16 };
const giant: Row = { ...patch(14), embed_dim: 1408, depth: 40, num_heads: 16, mlp_ratio: 6144 / 1408 };
const gigantic: Row = { ...patch(14), embed_dim: 1536, depth: 50, num_heads: 16, mlp_ratio: 8960 / 1536 };

/** EVA-02: gated MLPs two thirds as wide, rotary positions. */
const second: Row = {
  ...patch(14),
  mlp_ratio: (4 * 2) / 3,
  swiglu_mlp: true,
  use_rot_pos_emb: true,
  ref_feat_shape: [16, 16],
};
const secondBase: Row = { ...second, qkv_fused: false, scale_mlp: true };
const secondLarge: Row = { ...secondBase, ...large };
const secondClip: Row = { ...secondBase, scale_attn_inner: true, global_pool: "token" };

/** Registers, the mean of the patches, rotary positions alone. */
const gap = (num_reg_tokens: number): Row => ({
  ...image(256),
  init_values: 1e-5,
  class_token: false,
  num_reg_tokens,
  use_rot_pos_emb: true,
  use_abs_pos_emb: false,
  ref_feat_shape: [16, 16],
});

const perception = (grid: number): Row => ({
  attn_type: "rope",
  use_pre_transformer_norm: true,
  use_rot_pos_emb: true,
  ref_feat_shape: [grid, grid],
  rope_grid_offset: 1,
  rope_grid_indexing: "xy",
  norm_layer: 1e-5,
});
const core = (grid: number): Row => ({
  ...perception(grid),
  global_pool: "map",
  attn_pool_num_heads: 8,
  attn_pool_mlp_ratio: 4,
});
const unnormed: Row = { use_post_transformer_norm: false, use_fc_norm: false };
const spatial: Row = { ...perception(32), ...unnormed };
const language: Row = { ...spatial, init_values: 0.1 };
const noClass: Row = { class_token: false, rope_grid_offset: 0 };

/** RoPE-ViT. */
const rope: Row = {
  attn_type: "rope",
  init_values: 1e-5,
  global_pool: "token",
  use_abs_pos_emb: false,
  use_rot_pos_emb: true,
  rope_grid_indexing: "xy",
  rope_temperature: 100,
};
const mixed: Row = { ...rope, rope_temperature: 10, rope_type: "mixed" };
const absolute: Row = { no_embed_class: true, use_abs_pos_emb: true };

const dinov3: Row = {
  dynamic_img_size: true,
  qkv_bias: false,
  init_values: 1e-5,
  rope_type: "dinov3",
  rope_temperature: 100,
  rope_rotate_half: true,
  use_rot_pos_emb: true,
  use_abs_pos_emb: false,
  num_reg_tokens: 4,
  use_fc_norm: false,
  norm_layer: 1e-5,
};
const dinov3Biased: Row = { ...dinov3, qkv_bias: true };
const gated: Row = { swiglu_mlp: true, swiglu_align_to: 8 };
const hugePlus: Row = { ...gated, embed_dim: 1280, depth: 32, num_heads: 20 };

/** A row per architecture: what differs from EVA's Base with patches of 16 pixels. */
export const variants: Readonly<Record<string, Row>> = {
  eva_giant_patch14_224: giant,
  eva_giant_patch14_336: giant,
  eva_giant_patch14_560: giant,
  eva02_tiny_patch14_224: { ...second, ...tiny },
  eva02_small_patch14_224: { ...second, ...small },
  eva02_base_patch14_224: secondBase,
  eva02_large_patch14_224: secondLarge,
  eva02_tiny_patch14_336: { ...second, ...tiny, ...image(336) },
  eva02_small_patch14_336: { ...second, ...small, ...image(336) },
  eva02_base_patch14_448: { ...secondBase, ...image(448) },
  eva02_large_patch14_448: { ...secondLarge, ...image(448) },
  eva_giant_patch14_clip_224: { ...giant, global_pool: "token" },
  eva02_base_patch16_clip_224: { ...secondClip, ...patch(16) },
  eva02_large_patch14_clip_224: { ...secondClip, ...large },
  eva02_large_patch14_clip_336: { ...secondClip, ...large, ...image(336) },
  eva02_enormous_patch14_clip_224: {
    ...patch(14),
    embed_dim: 1792,
    depth: 64,
    num_heads: 16,
    mlp_ratio: 15360 / 1792,
    use_post_norm: true,
    global_pool: "token",
  },
  vit_medium_patch16_rope_reg1_gap_256: { ...gap(1), ...medium },
  vit_mediumd_patch16_rope_reg1_gap_256: { ...gap(1), ...medium, depth: 20, qkv_bias: false },
  vit_betwixt_patch16_rope_reg4_gap_256: { ...gap(4), embed_dim: 640, num_heads: 10 },
  vit_base_patch16_rope_reg1_gap_256: gap(1),
  vit_pe_core_tiny_patch16_384: { ...core(24), ...tiny },
  vit_pe_core_small_patch16_384: { ...core(24), ...small },
  vit_pe_core_base_patch16_224: core(14),
  vit_pe_core_large_patch14_336: { ...core(24), ...patch(14), ...large },
  vit_pe_core_gigantic_patch14_448: { ...core(32), ...gigantic, ...noClass },
  vit_pe_lang_large_patch14_448: { ...language, ...patch(14), ...large, depth: 23 },
  vit_pe_lang_gigantic_patch14_448: { ...language, ...gigantic, ...noClass, depth: 47 },
  vit_pe_spatial_tiny_patch16_512: { ...spatial, ...tiny },
  vit_pe_spatial_small_patch16_512: { ...spatial, ...small },
  vit_pe_spatial_base_patch16_512: spatial,
  vit_pe_spatial_large_patch14_448: { ...spatial, ...patch(14), ...large },
  vit_pe_spatial_gigantic_patch14_448: { ...language, ...gigantic, ...noClass },
  vit_small_patch16_rope_224: { ...rope, ...small },
  vit_base_patch16_rope_224: { ...rope, use_fc_norm: false },
  vit_large_patch16_rope_224: { ...rope, ...large },
  vit_small_patch16_rope_mixed_224: { ...mixed, ...small },
  vit_base_patch16_rope_mixed_224: mixed,
  vit_large_patch16_rope_mixed_224: { ...mixed, ...large },
  vit_small_patch16_rope_ape_224: { ...rope, ...absolute, ...small },
  vit_base_patch16_rope_ape_224: { ...rope, ...absolute },
  vit_large_patch16_rope_ape_224: { ...rope, ...absolute, ...large },
  vit_small_patch16_rope_mixed_ape_224: { ...mixed, ...absolute, ...small },
  vit_base_patch16_rope_mixed_ape_224: { ...mixed, ...absolute },
  vit_large_patch16_rope_mixed_ape_224: { ...mixed, ...absolute, ...large },
  vit_tiny_patch16_dinov3_qkvb: { ...dinov3Biased, ...tiny },
  vit_small_patch16_dinov3: { ...dinov3, ...small },
  vit_small_patch16_dinov3_qkvb: { ...dinov3Biased, ...small },
  vit_small_plus_patch16_dinov3: { ...dinov3, ...small, ...gated },
  vit_small_plus_patch16_dinov3_qkvb: { ...dinov3Biased, ...small, ...gated },
  vit_base_patch16_dinov3: dinov3,
  vit_base_patch16_dinov3_qkvb: dinov3Biased,
  vit_large_patch16_dinov3: { ...dinov3, ...large },
  vit_large_patch16_dinov3_qkvb: { ...dinov3Biased, ...large },
  vit_huge_plus_patch16_dinov3: { ...dinov3, ...hugePlus },
  vit_huge_plus_patch16_dinov3_qkvb: { ...dinov3Biased, ...hugePlus },
  vit_7b_patch16_dinov3: {
    ...dinov3,
    embed_dim: 4096,
    depth: 40,
    num_heads: 32,
    mlp_ratio: 2,
    swiglu_mlp: true,
    swiglu_align_to: 64,
  },
};
