import type { SwinV2CrConfig } from "./config.ts";

type Row = Partial<SwinV2CrConfig>;

const tiny: Row = {};
const small: Row = { depths: [2, 2, 18, 2] };
const base: Row = { ...small, embed_dim: 128, num_heads: [4, 8, 16, 32] };
const large: Row = { ...small, embed_dim: 192, num_heads: [6, 12, 24, 48] };
const huge: Row = { ...small, embed_dim: 352, extra_norm_period: 6 };
const giant: Row = { depths: [2, 2, 42, 2], embed_dim: 512, num_heads: [16, 32, 64, 128], extra_norm_period: 6 };
/** A norm at the end of every stage. */
const normed: Row = { extra_norm_stage: true };

export const variants: Readonly<Record<string, Row>> = {
  swinv2_cr_tiny_384: tiny,
  swinv2_cr_tiny_224: tiny,
  swinv2_cr_tiny_ns_224: normed,
  swinv2_cr_small_384: small,
  swinv2_cr_small_224: small,
  swinv2_cr_small_ns_224: { ...small, ...normed },
  swinv2_cr_small_ns_256: { ...small, ...normed },
  swinv2_cr_base_384: base,
  swinv2_cr_base_224: base,
  swinv2_cr_base_ns_224: { ...base, ...normed },
  swinv2_cr_large_384: large,
  swinv2_cr_large_224: large,
  swinv2_cr_huge_384: { ...huge, num_heads: [11, 22, 44, 88] },
  swinv2_cr_huge_224: { ...huge, num_heads: [8, 16, 32, 64] },
  swinv2_cr_giant_384: giant,
  swinv2_cr_giant_224: giant,
};
