import type { DpnConfig } from "./config.ts";

const small: Partial<DpnConfig> = {
  small: true,
  num_init_features: 10,
  k_r: 128,
  groups: 32,
  inc_sec: [16, 32, 32, 64],
};

/** A row per architecture: table 1 of the paper, and smaller ones. */
export const variants: Readonly<Record<string, Partial<DpnConfig>>> = {
  dpn48b: { ...small, b: true, k_sec: [3, 4, 6, 3], act_layer: "silu" },
  dpn68: { ...small, k_sec: [3, 4, 12, 3] },
  dpn68b: { ...small, b: true, k_sec: [3, 4, 12, 3] },
  dpn92: { num_init_features: 64, k_r: 96, groups: 32, k_sec: [3, 4, 20, 3], inc_sec: [16, 32, 24, 128] },
  dpn98: { num_init_features: 96, k_r: 160, groups: 40, k_sec: [3, 6, 20, 3], inc_sec: [16, 32, 32, 128] },
  dpn131: { num_init_features: 128, k_r: 160, groups: 40, k_sec: [4, 8, 28, 3], inc_sec: [16, 32, 32, 128] },
  dpn107: { num_init_features: 128, k_r: 200, groups: 50, k_sec: [4, 8, 20, 3], inc_sec: [20, 64, 64, 128] },
};
