import type { Res2NetConfig } from "./config.ts";

const deep: Partial<Res2NetConfig> = { stem_type: "deep", avg_down: true, stem_width: 32 };

/** A row per architecture: `26w_4s` are the width of a part and the number of parts. */
export const variants: Readonly<Record<string, Partial<Res2NetConfig>>> = {
  res2net50_26w_4s: { layers: [3, 4, 6, 3], base_width: 26, block_args: { scale: 4 } },
  res2net101_26w_4s: { layers: [3, 4, 23, 3], base_width: 26, block_args: { scale: 4 } },
  res2net50_26w_6s: { layers: [3, 4, 6, 3], base_width: 26, block_args: { scale: 6 } },
  res2net50_26w_8s: { layers: [3, 4, 6, 3], base_width: 26, block_args: { scale: 8 } },
  res2net50_48w_2s: { layers: [3, 4, 6, 3], base_width: 48, block_args: { scale: 2 } },
  res2net50_14w_8s: { layers: [3, 4, 6, 3], base_width: 14, block_args: { scale: 8 } },
  res2next50: { layers: [3, 4, 6, 3], base_width: 4, cardinality: 8, block_args: { scale: 4 } },
  res2net50d: { layers: [3, 4, 6, 3], base_width: 26, ...deep, block_args: { scale: 4 } },
  res2net101d: { layers: [3, 4, 23, 3], base_width: 26, ...deep, block_args: { scale: 4 } },
};
