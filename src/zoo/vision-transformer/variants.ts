import { bilinear } from "../layers/pos-embed.ts";
import { type Row, patch, sizes } from "./sizes.ts";
import { clipVariants, siglipVariants } from "./variants-language.ts";
import { visionVariants } from "./variants-vision.ts";

const { tiny, small, medium, betwixt, base, basePlus, large, huge, giant, gigantic } = sizes;

/** Average pooling of the patches, without a class token. */
const gap: Row = { class_token: false, global_pool: "avg", fc_norm: false };
const gapScaled: Row = { ...gap, qkv_bias: false, init_values: 1e-6 };

/** Registers instead of a class token; the final norm comes after pooling. */
const reg = (reg_tokens: number): Row => ({
  class_token: false,
  no_embed_class: true,
  reg_tokens,
  global_pool: "avg",
  init_values: 1e-5,
});
const wee: Row = { ...reg(1), embed_dim: 256, depth: 14, num_heads: 4, mlp_ratio: 5 };
const little: Row = { embed_dim: 320, depth: 14, num_heads: 5, mlp_ratio: 5.6 };
const so150m: Row = {
  embed_dim: 896,
  depth: 18,
  num_heads: 14,
  mlp_ratio: 2.572,
  class_token: false,
  reg_tokens: 4,
};
const so150m2: Row = {
  embed_dim: 832,
  depth: 21,
  num_heads: 13,
  mlp_ratio: 34 / 13,
  init_values: 1e-5,
  qkv_bias: false,
  class_token: false,
  reg_tokens: 1,
  global_pool: "avg",
};

/** ViT-22B's block at smaller sizes. */
const parallel: Row = {
  pre_norm: true,
  no_embed_class: true,
  norm_layer: { name: "rmsnorm" },
  block_fn: "parallel_scaling",
  qkv_bias: false,
  qk_norm: true,
};

/** Trained at many patch sizes, by resizing patches bilinearly. */
const flexible: Row = { no_embed_class: true, interpolation: bilinear };

/** A row per architecture: what differs from the defaults (ViT-Base with patches of 16 pixels). */
export const variants: Readonly<Record<string, Row>> = {
  vit_tiny_patch16_224: tiny,
  vit_tiny_patch16_384: tiny,
  vit_small_patch32_224: { ...small, ...patch(32) },
  vit_small_patch32_384: { ...small, ...patch(32) },
  vit_small_patch16_224: small,
  vit_small_patch16_384: small,
  vit_small_patch8_224: { ...small, ...patch(8) },
  vit_base_patch32_224: patch(32),
  vit_base_patch32_384: patch(32),
  vit_base_patch16_224: base,
  vit_base_patch16_384: base,
  vit_base_patch8_224: patch(8),
  vit_large_patch32_224: { ...large, ...patch(32) },
  vit_large_patch32_384: { ...large, ...patch(32) },
  vit_large_patch16_224: large,
  vit_large_patch16_384: large,
  vit_large_patch14_224: { ...large, ...patch(14) },
  vit_huge_patch14_224: { ...huge, ...patch(14) },
  vit_giant_patch14_224: { ...giant, ...patch(14) },
  vit_gigantic_patch14_224: { ...gigantic, ...patch(14) },
  vit_base_patch16_224_miil: { qkv_bias: false },
  vit_medium_patch16_gap_240: { ...gapScaled, ...medium },
  vit_medium_patch16_gap_256: { ...gapScaled, ...medium },
  vit_medium_patch16_gap_384: { ...gapScaled, ...medium },
  vit_betwixt_patch16_gap_256: { ...gapScaled, ...betwixt },
  vit_base_patch16_gap_224: { ...gap, num_heads: 16 },
  vit_huge_patch14_gap_224: { ...gap, ...huge, ...patch(14) },
  vit_huge_patch16_gap_448: { ...gap, ...huge },
  vit_giant_patch16_gap_224: { ...gap, ...giant },
  ...clipVariants,
  vit_base_patch32_plus_256: { ...basePlus, ...patch(32), init_values: 1e-5 },
  vit_base_patch16_plus_240: { ...basePlus, init_values: 1e-5 },
  vit_base_patch16_rpn_224: {
    qkv_bias: false,
    init_values: 1e-5,
    class_token: false,
    block_fn: "res_post_norm",
    global_pool: "avg",
  },
  vit_small_patch16_36x1_224: { ...small, depth: 36, init_values: 1e-5 },
  vit_small_patch16_18x2_224: { ...small, depth: 18, init_values: 1e-5, block_fn: "parallel_things" },
  vit_base_patch16_18x2_224: { depth: 18, init_values: 1e-5, block_fn: "parallel_things" },
  eva_large_patch14_196: { ...large, ...patch(14), global_pool: "avg" },
  eva_large_patch14_336: { ...large, ...patch(14), global_pool: "avg" },
  flexivit_small: { ...flexible, ...small },
  flexivit_base: flexible,
  flexivit_large: { ...flexible, ...large },
  vit_base_patch16_xp_224: parallel,
  vit_large_patch14_xp_224: { ...parallel, ...large, ...patch(14) },
  vit_huge_patch14_xp_224: { ...parallel, ...huge, ...patch(14) },
  ...siglipVariants,
  vit_wee_patch16_reg1_gap_256: wee,
  vit_dwee_patch16_reg1_gap_256: { ...wee, attn_layer: "diff" },
  vit_pwee_patch16_reg1_gap_256: { ...wee, depth: 16, block_fn: "parallel_scaling" },
  vit_dpwee_patch16_reg1_gap_256: { ...wee, depth: 16, block_fn: "diff_parallel_scaling" },
  vit_little_patch16_reg1_gap_256: { ...reg(1), ...little },
  vit_dlittle_patch16_reg1_gap_256: { ...reg(1), ...little, attn_layer: "diff" },
  vit_little_patch16_reg4_gap_256: { ...reg(4), ...little },
  vit_medium_patch16_reg1_gap_256: { ...reg(1), ...medium },
  vit_medium_patch16_reg4_gap_256: { ...reg(4), ...medium },
  vit_mediumd_patch16_reg4_gap_256: { ...reg(4), ...medium, depth: 20 },
  vit_mediumd_patch16_reg4_gap_384: { ...reg(4), ...medium, depth: 20 },
  vit_betwixt_patch16_reg1_gap_256: { ...reg(1), ...betwixt },
  vit_betwixt_patch16_reg4_gap_256: { ...reg(4), ...betwixt },
  vit_betwixt_patch16_reg4_gap_384: { ...reg(4), ...betwixt },
  vit_base_patch16_reg4_gap_256: { ...reg(4), init_values: undefined },
  vit_so150m_patch16_reg4_map_256: { ...so150m, global_pool: "map" },
  vit_so150m_patch16_reg4_gap_256: { ...so150m, global_pool: "avg", fc_norm: false },
  vit_so150m_patch16_reg4_gap_384: { ...so150m, global_pool: "avg", fc_norm: false },
  vit_so150m2_patch16_reg1_gap_256: so150m2,
  vit_so150m2_patch16_reg1_gap_384: so150m2,
  vit_so150m2_patch16_reg1_gap_448: so150m2,
  ...visionVariants,
  test_vit: { embed_dim: 64, depth: 6, num_heads: 2, mlp_ratio: 3, dynamic_img_size: true },
  test_vit2: {
    embed_dim: 64,
    depth: 8,
    num_heads: 2,
    mlp_ratio: 3,
    class_token: false,
    reg_tokens: 1,
    global_pool: "avg",
    init_values: 1e-5,
    dynamic_img_size: true,
  },
  test_vit3: {
    embed_dim: 96,
    depth: 9,
    num_heads: 3,
    mlp_ratio: 2,
    class_token: false,
    reg_tokens: 1,
    global_pool: "map",
    pool_include_prefix: true,
    init_values: 1e-5,
  },
  test_vit4: {
    embed_dim: 96,
    depth: 9,
    num_heads: 3,
    mlp_ratio: 3,
    class_token: false,
    reg_tokens: 1,
    global_pool: "avg",
    init_values: 1e-5,
    dynamic_img_size: true,
    norm_layer: { name: "rmsnorm" },
  },
};
