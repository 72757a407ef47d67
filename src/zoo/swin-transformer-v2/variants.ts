import type { SwinV2Config } from "./config.ts";

type Row = Partial<SwinV2Config>;

const small: Row = { depths: [2, 2, 18, 2] };
const base: Row = { ...small, embed_dim: 128, num_heads: [4, 8, 16, 32] };
const large: Row = { ...small, embed_dim: 192, num_heads: [6, 12, 24, 48] };
const windows = (side: number): Row => ({ window_size: [side, side] });
/** Fine-tuned from windows of 12. */
const from12: Row = { pretrained_window_sizes: [12, 12, 12, 6] };

export const variants: Readonly<Record<string, Row>> = {
  swinv2_tiny_window16_256: windows(16),
  swinv2_tiny_window8_256: windows(8),
  swinv2_small_window16_256: { ...small, ...windows(16) },
  swinv2_small_window8_256: { ...small, ...windows(8) },
  swinv2_base_window16_256: { ...base, ...windows(16) },
  swinv2_base_window8_256: { ...base, ...windows(8) },
  swinv2_base_window12_192: { ...base, ...windows(12) },
  swinv2_base_window12to16_192to256: { ...base, ...windows(16), ...from12 },
  swinv2_base_window12to24_192to384: { ...base, ...windows(24), ...from12 },
  swinv2_large_window12_192: { ...large, ...windows(12) },
  swinv2_large_window12to16_192to256: { ...large, ...windows(16), ...from12 },
  swinv2_large_window12to24_192to384: { ...large, ...windows(24), ...from12 },
};
