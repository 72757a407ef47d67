import type { BeitConfig } from "./config.ts";

type Row = Partial<BeitConfig>;

const base: Row = { use_abs_pos_emb: false, use_rel_pos_bias: true, init_values: 1e-5 };
const large: Row = { ...base, embed_dim: 1024, depth: 24, num_heads: 16 };
const first: Row = { ...base, init_values: 0.1 };

export const variants: Readonly<Record<string, Row>> = {
  beit_base_patch16_224: first,
  beit_base_patch16_384: { ...first, img_size: [384, 384] },
  beit_large_patch16_224: large,
  beit_large_patch16_384: { ...large, img_size: [384, 384] },
  beit_large_patch16_512: { ...large, img_size: [512, 512] },
  beitv2_base_patch16_224: base,
  beitv2_large_patch16_224: large,
};
