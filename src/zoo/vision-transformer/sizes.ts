import type { VitConfig } from "./config.ts";

export type Row = Partial<VitConfig>;

/** Square patches of this many pixels; the default is 16. */
export const patch = (pixels: number): Row => ({ patch_size: [pixels, pixels] });

/** Widths, depths and heads that whole groups of architectures share; the default is Base. */
export const sizes = {
  tiny: { embed_dim: 192, num_heads: 3 },
  small: { embed_dim: 384, num_heads: 6 },
  medium: { embed_dim: 512, num_heads: 8 },
  betwixt: { embed_dim: 640, num_heads: 10 },
  base: {},
  basePlus: { embed_dim: 896, num_heads: 14 },
  large: { embed_dim: 1024, depth: 24, num_heads: 16 },
  huge: { embed_dim: 1280, depth: 32, num_heads: 16 },
  giant: { embed_dim: 1408, mlp_ratio: 48 / 11, depth: 40, num_heads: 16 },
  gigantic: { embed_dim: 1664, mlp_ratio: 64 / 13, depth: 48, num_heads: 16 },
  so400m: { embed_dim: 1152, mlp_ratio: 3.7362, depth: 27, num_heads: 16 },
} as const satisfies Record<string, Row>;
