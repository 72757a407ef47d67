import type { TResNetConfig } from "./config.ts";

/** A row per architecture: table 2 of the paper, and a later one. */
export const variants: Readonly<Record<string, Partial<TResNetConfig>>> = {
  tresnet_m: { layers: [3, 4, 11, 3] },
  tresnet_l: { layers: [4, 5, 18, 3], width_factor: 1.2 },
  tresnet_xl: { layers: [4, 5, 24, 3], width_factor: 1.3 },
  tresnet_v2_l: { layers: [3, 4, 23, 3], width_factor: 1, v2: true },
};
