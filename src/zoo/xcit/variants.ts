import type { XcitConfig } from "./config.ts";

type Row = Partial<XcitConfig>;

/** Table 1. Nano has the norm of the class blocks on the class token alone. */
const nano: Row = { embed_dim: 128, num_heads: 4 };
const tiny: Row = { embed_dim: 192, num_heads: 4, tokens_norm: true };
const small: Row = { embed_dim: 384, num_heads: 8, tokens_norm: true };
const medium: Row = { embed_dim: 512, num_heads: 8, tokens_norm: true };
const large: Row = { embed_dim: 768, num_heads: 16, tokens_norm: true };

/** At 224 and 384 pixels. */
const both = (name: string, row: Row): Readonly<Record<string, Row>> => ({
  [`${name}_224`]: row,
  [`${name}_384`]: row,
});

const withPatches = (patch_size: 8 | 16): Readonly<Record<string, Row>> => {
  const deep: Row = { depth: 24, patch_size };
  return {
    ...both(`xcit_nano_12_p${patch_size}`, { ...nano, patch_size }),
    ...both(`xcit_tiny_12_p${patch_size}`, { ...tiny, patch_size }),
    ...both(`xcit_small_12_p${patch_size}`, { ...small, patch_size }),
    ...both(`xcit_tiny_24_p${patch_size}`, { ...tiny, ...deep }),
    ...both(`xcit_small_24_p${patch_size}`, { ...small, ...deep }),
    ...both(`xcit_medium_24_p${patch_size}`, { ...medium, ...deep }),
    ...both(`xcit_large_24_p${patch_size}`, { ...large, ...deep }),
  };
};

const p16 = withPatches(16);

export const variants: Readonly<Record<string, Row>> = {
  ...p16,
  xcit_nano_12_p16_384: { ...p16["xcit_nano_12_p16_384"], img_size: [384, 384] },
  ...withPatches(8),
};
