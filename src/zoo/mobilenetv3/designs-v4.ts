/**
 * MobileNetV4 (Qin et al. 2024, arXiv:2404.10518, appendix D). Of a uir's three depthwise convolutions, two make ExtraDW,
 * the middle one alone an inverted residual, the first alone a ConvNeXt block, none a feed-forward network.
 */
import { squeezeExcite } from "../efficientnet/se-layer.ts";
import type { Design } from "./designs.ts";

const base: Omit<Design, "blocks" | "stem" | "act"> = {
  fixStemBelow: 1,
  head: 1280,
  headBias: false,
  headNorm: true,
  se: () => squeezeExcite(),
  takes: ["channel_multiplier", "group_size"],
  sets: ["head_bias", "head_norm", "num_features", "stem_size", "fix_stem", "layer_scale_init_value"],
};

const last = ["cn_r1_k1_s1_c960"];

export const v4ConvSmall: Design = {
  ...base,
  blocks: [
    ["cn_r1_k3_s2_e1_c32", "cn_r1_k1_s1_e1_c32"],
    ["cn_r1_k3_s2_e1_c96", "cn_r1_k1_s1_e1_c64"],
    ["uir_r1_a5_k5_s2_e3_c96", "uir_r4_a0_k3_s1_e2_c96", "uir_r1_a3_k0_s1_e4_c96"],
    [
      "uir_r1_a3_k3_s2_e6_c128",
      "uir_r1_a5_k5_s1_e4_c128",
      "uir_r1_a0_k5_s1_e4_c128",
      "uir_r1_a0_k5_s1_e3_c128",
      "uir_r2_a0_k3_s1_e4_c128",
    ],
    last,
  ],
  stem: 32,
  act: "relu",
};

export const v4ConvMedium: Design = {
  ...base,
  blocks: [
    ["er_r1_k3_s2_e4_c48"],
    ["uir_r1_a3_k5_s2_e4_c80", "uir_r1_a3_k3_s1_e2_c80"],
    [
      "uir_r1_a3_k5_s2_e6_c160",
      "uir_r2_a3_k3_s1_e4_c160",
      "uir_r1_a3_k5_s1_e4_c160",
      "uir_r1_a3_k3_s1_e4_c160",
      "uir_r1_a3_k0_s1_e4_c160",
      "uir_r1_a0_k0_s1_e2_c160",
      "uir_r1_a3_k0_s1_e4_c160",
    ],
    [
      "uir_r1_a5_k5_s2_e6_c256",
      "uir_r1_a5_k5_s1_e4_c256",
      "uir_r2_a3_k5_s1_e4_c256",
      "uir_r1_a0_k0_s1_e4_c256",
      "uir_r1_a3_k0_s1_e4_c256",
      "uir_r1_a3_k5_s1_e2_c256",
      "uir_r1_a5_k5_s1_e4_c256",
      "uir_r2_a0_k0_s1_e4_c256",
      "uir_r1_a5_k0_s1_e2_c256",
    ],
    last,
  ],
  stem: 32,
  act: "relu",
};

export const v4ConvLarge: Design = {
  ...base,
  blocks: [
    ["er_r1_k3_s2_e4_c48"],
    ["uir_r1_a3_k5_s2_e4_c96", "uir_r1_a3_k3_s1_e4_c96"],
    [
      "uir_r1_a3_k5_s2_e4_c192",
      "uir_r3_a3_k3_s1_e4_c192",
      "uir_r1_a3_k5_s1_e4_c192",
      "uir_r5_a5_k3_s1_e4_c192",
      "uir_r1_a3_k0_s1_e4_c192",
    ],
    [
      "uir_r4_a5_k5_s2_e4_c512",
      "uir_r1_a5_k0_s1_e4_c512",
      "uir_r1_a5_k3_s1_e4_c512",
      "uir_r2_a5_k0_s1_e4_c512",
      "uir_r1_a5_k3_s1_e4_c512",
      "uir_r1_a5_k5_s1_e4_c512",
      "uir_r3_a5_k0_s1_e4_c512",
    ],
    last,
  ],
  stem: 24,
  act: "relu",
};

export const v4HybridMedium: Design = {
  ...base,
  blocks: [
    ["er_r1_k3_s2_e4_c48"],
    ["uir_r1_a3_k5_s2_e4_c80", "uir_r1_a3_k3_s1_e2_c80"],
    [
      "uir_r1_a3_k5_s2_e6_c160",
      "uir_r1_a0_k0_s1_e2_c160",
      "uir_r1_a3_k3_s1_e4_c160",
      "uir_r1_a3_k5_s1_e4_c160",
      "mqa_r1_k3_h4_s1_v2_d64_c160",
      "uir_r1_a3_k3_s1_e4_c160",
      "mqa_r1_k3_h4_s1_v2_d64_c160",
      "uir_r1_a3_k0_s1_e4_c160",
      "mqa_r1_k3_h4_s1_v2_d64_c160",
      "uir_r1_a3_k3_s1_e4_c160",
      "mqa_r1_k3_h4_s1_v2_d64_c160",
      "uir_r1_a3_k0_s1_e4_c160",
    ],
    [
      "uir_r1_a5_k5_s2_e6_c256",
      "uir_r1_a5_k5_s1_e4_c256",
      "uir_r2_a3_k5_s1_e4_c256",
      "uir_r1_a0_k0_s1_e2_c256",
      "uir_r1_a3_k5_s1_e2_c256",
      "uir_r1_a0_k0_s1_e2_c256",
      "uir_r1_a0_k0_s1_e4_c256",
      "mqa_r1_k3_h4_s1_d64_c256",
      "uir_r1_a3_k0_s1_e4_c256",
      "mqa_r1_k3_h4_s1_d64_c256",
      "uir_r1_a5_k5_s1_e4_c256",
      "mqa_r1_k3_h4_s1_d64_c256",
      "uir_r1_a5_k0_s1_e4_c256",
      "mqa_r1_k3_h4_s1_d64_c256",
      "uir_r1_a5_k0_s1_e4_c256",
    ],
    last,
  ],
  stem: 32,
  act: "relu",
  layerScale: true,
};

export const v4HybridLarge: Design = {
  ...base,
  blocks: [
    ["er_r1_k3_s2_e4_c48"],
    ["uir_r1_a3_k5_s2_e4_c96", "uir_r1_a3_k3_s1_e4_c96"],
    [
      "uir_r1_a3_k5_s2_e4_c192",
      "uir_r3_a3_k3_s1_e4_c192",
      "uir_r1_a3_k5_s1_e4_c192",
      "uir_r2_a5_k3_s1_e4_c192",
      "mqa_r1_k3_h8_s1_v2_d48_c192",
      "uir_r1_a5_k3_s1_e4_c192",
      "mqa_r1_k3_h8_s1_v2_d48_c192",
      "uir_r1_a5_k3_s1_e4_c192",
      "mqa_r1_k3_h8_s1_v2_d48_c192",
      "uir_r1_a5_k3_s1_e4_c192",
      "mqa_r1_k3_h8_s1_v2_d48_c192",
      "uir_r1_a3_k0_s1_e4_c192",
    ],
    [
      "uir_r4_a5_k5_s2_e4_c512",
      "uir_r1_a5_k0_s1_e4_c512",
      "uir_r1_a5_k3_s1_e4_c512",
      "uir_r2_a5_k0_s1_e4_c512",
      "uir_r1_a5_k3_s1_e4_c512",
      "uir_r1_a5_k5_s1_e4_c512",
      "mqa_r1_k3_h8_s1_d64_c512",
      "uir_r1_a5_k0_s1_e4_c512",
      "mqa_r1_k3_h8_s1_d64_c512",
      "uir_r1_a5_k0_s1_e4_c512",
      "mqa_r1_k3_h8_s1_d64_c512",
      "uir_r1_a5_k0_s1_e4_c512",
      "mqa_r1_k3_h8_s1_d64_c512",
      "uir_r1_a5_k0_s1_e4_c512",
    ],
    last,
  ],
  stem: 24,
  act: "gelu",
  layerScale: true,
};
