import type { CaitConfig } from "./config.ts";

const row = (embed_dim: number, depth: number, num_heads: number): Partial<CaitConfig> => ({
  embed_dim,
  depth,
  num_heads,
});

/** Table 4: sizes from XXS to M. */
export const variants: Readonly<Record<string, Partial<CaitConfig>>> = {
  cait_xxs24_224: row(192, 24, 4),
  cait_xxs24_384: row(192, 24, 4),
  cait_xxs36_224: row(192, 36, 4),
  cait_xxs36_384: row(192, 36, 4),
  cait_xs24_384: row(288, 24, 6),
  cait_s24_224: row(384, 24, 8),
  cait_s24_384: row(384, 24, 8),
  cait_s36_384: row(384, 36, 8),
  cait_m36_384: row(768, 36, 16),
  cait_m48_448: row(768, 48, 16),
};
