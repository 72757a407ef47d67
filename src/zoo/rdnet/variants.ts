import type { RdNetConfig } from "./config.ts";

/** Dense stages with two kinds of block: the first two plain. `down` are those that halve the resolution. */
const row = (
  num_init_features: number,
  growth_rates: readonly number[],
  down: readonly number[],
): Partial<RdNetConfig> => ({
  num_init_features,
  growth_rates,
  num_blocks_list: growth_rates.map(() => 3),
  is_downsample_block: growth_rates.map((_, i) => down.includes(i)),
  transition_compression_ratio: 0.5,
  block_type: growth_rates.map((_, i) => (i < 2 ? "Block" : "BlockESE")),
});

const times = (n: number, rate: number): readonly number[] => Array<number>(n).fill(rate);

/** A row per architecture: table 9 of the paper. */
export const variants: Readonly<Record<string, Partial<RdNetConfig>>> = {
  rdnet_tiny: row(64, [64, 104, ...times(4, 128), 224], [1, 2, 6]),
  rdnet_small: row(72, [64, 128, ...times(7, 128), 240, 240], [1, 2, 9]),
  rdnet_base: row(120, [96, 128, ...times(7, 168), 336, 336], [1, 2, 9]),
  rdnet_large: row(144, [128, 192, ...times(8, 256), 360, 360], [1, 2, 10]),
};
