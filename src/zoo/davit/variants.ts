import type { DavitConfig } from "./config.ts";

type Row = Partial<DavitConfig>;

const deep: Row = { depths: [1, 1, 9, 1] };
const base: Row = { ...deep, embed_dims: [128, 256, 512, 1024], num_heads: [4, 8, 16, 32] };
const huge: Row = { ...deep, embed_dims: [256, 512, 1024, 2048], num_heads: [8, 16, 32, 64] };
const florence: Row = { window_size: [12, 12], down_kernel_size: 3, channel_attn_v2: true, named_blocks: true };

export const variants: Readonly<Record<string, Row>> = {
  davit_tiny: {},
  davit_small: deep,
  davit_base: base,
  davit_large: { ...deep, embed_dims: [192, 384, 768, 1536], num_heads: [6, 12, 24, 48] },
  davit_huge: huge,
  davit_giant: { depths: [1, 1, 12, 3], embed_dims: [384, 768, 1536, 3072], num_heads: [12, 24, 48, 96] },
  davit_base_fl: { ...base, ...florence },
  davit_huge_fl: { ...huge, ...florence },
};
