import type { SwinConfig } from "./config.ts";

/** Liu et al. 2021, section 3.3; S3 is Chen et al. 2021 (arXiv:2111.14725), whose search chose the windows. */
export const variants: Readonly<Record<string, Partial<SwinConfig>>> = {
  swin_tiny_patch4_window7_224: {},
  swin_small_patch4_window7_224: { depths: [2, 2, 18, 2] },
  swin_base_patch4_window7_224: { embed_dim: 128, depths: [2, 2, 18, 2], num_heads: [4, 8, 16, 32] },
  swin_base_patch4_window12_384: {
    window_size: 12,
    embed_dim: 128,
    depths: [2, 2, 18, 2],
    num_heads: [4, 8, 16, 32],
  },
  swin_large_patch4_window7_224: { embed_dim: 192, depths: [2, 2, 18, 2], num_heads: [6, 12, 24, 48] },
  swin_large_patch4_window12_384: {
    window_size: 12,
    embed_dim: 192,
    depths: [2, 2, 18, 2],
    num_heads: [6, 12, 24, 48],
  },
  swin_s3_tiny_224: { window_size: [7, 7, 14, 7] },
  swin_s3_small_224: { window_size: [14, 14, 14, 7], depths: [2, 2, 18, 2] },
  swin_s3_base_224: { window_size: [7, 7, 14, 7], depths: [2, 2, 30, 2] },
};
