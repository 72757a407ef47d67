import type { ActName } from "../layers/act.ts";
import { type SeLayer, squeezeExcite } from "../efficientnet/se-layer.ts";
import { roundChannels } from "../efficientnet/trunk-args.ts";

/** What timm's generator functions know: block strings at multiplier 1, stem, head, squeeze-excite. */
export interface Design {
  readonly blocks: readonly (readonly string[])[];
  readonly act: ActName;
  /** Width of the stem; without it the argument stem_size says it. */
  readonly stem?: number;
  /** The stem is not scaled by multipliers below this. */
  readonly fixStemBelow?: number;
  /** Width of the last convolution; without it the argument num_features says it. */
  readonly head?: number;
  readonly headBias?: boolean;
  readonly headNorm?: boolean;
  /** Squeeze-excite, given the network's rounding of channels. */
  readonly se: (round: (channels: number) => number) => SeLayer;
  /** Squeeze-excite ratios are of the expanded width; without it the argument se_from_exp says it. */
  readonly seFromExp?: boolean;
  readonly layerScale?: boolean;
  readonly roundLimit?: number;
  /** Arguments of the generator. */
  readonly takes: readonly string[];
  /** Arguments of the constructor that the generator sets. */
  readonly sets: readonly string[];
}

const v3Base: Omit<Design, "blocks" | "act" | "head"> = {
  stem: 16,
  fixStemBelow: 0.75,
  se: () => squeezeExcite({ gate: "hard_sigmoid", forceAct: "relu", round: roundChannels(1) }),
  takes: ["channel_multiplier", "depth_multiplier", "group_size"],
  sets: ["num_features", "stem_size", "fix_stem", "se_layer"],
};

/** MobileNetV3 (Howard et al. 2019, arXiv:1905.02244, tables 1 and 2), with the same blocks less their SE and h-swish. */
export const v3Large: Design = {
  ...v3Base,
  blocks: [
    ["ds_r1_k3_s1_e1_c16_nre"],
    ["ir_r1_k3_s2_e4_c24_nre", "ir_r1_k3_s1_e3_c24_nre"],
    ["ir_r3_k5_s2_e3_c40_se0.25_nre"],
    ["ir_r1_k3_s2_e6_c80", "ir_r1_k3_s1_e2.5_c80", "ir_r2_k3_s1_e2.3_c80"],
    ["ir_r2_k3_s1_e6_c112_se0.25"],
    ["ir_r3_k5_s2_e6_c160_se0.25"],
    ["cn_r1_k1_s1_c960"],
  ],
  act: "hard_swish",
  head: 1280,
};

export const v3LargeMinimal: Design = {
  ...v3Large,
  blocks: [
    ["ds_r1_k3_s1_e1_c16"],
    ["ir_r1_k3_s2_e4_c24", "ir_r1_k3_s1_e3_c24"],
    ["ir_r3_k3_s2_e3_c40"],
    ["ir_r1_k3_s2_e6_c80", "ir_r1_k3_s1_e2.5_c80", "ir_r2_k3_s1_e2.3_c80"],
    ["ir_r2_k3_s1_e6_c112"],
    ["ir_r3_k3_s2_e6_c160"],
    ["cn_r1_k1_s1_c960"],
  ],
  act: "relu",
};

export const v3Small: Design = {
  ...v3Base,
  blocks: [
    ["ds_r1_k3_s2_e1_c16_se0.25_nre"],
    ["ir_r1_k3_s2_e4.5_c24_nre", "ir_r1_k3_s1_e3.67_c24_nre"],
    ["ir_r1_k5_s2_e4_c40_se0.25", "ir_r2_k5_s1_e6_c40_se0.25"],
    ["ir_r2_k5_s1_e3_c48_se0.25"],
    ["ir_r3_k5_s2_e6_c96_se0.25"],
    ["cn_r1_k1_s1_c576"],
  ],
  act: "hard_swish",
  head: 1024,
};

export const v3SmallMinimal: Design = {
  ...v3Small,
  blocks: [
    ["ds_r1_k3_s2_e1_c16"],
    ["ir_r1_k3_s2_e4.5_c24", "ir_r1_k3_s1_e3.67_c24"],
    ["ir_r1_k3_s2_e4_c40", "ir_r2_k3_s1_e6_c40"],
    ["ir_r2_k3_s1_e3_c48"],
    ["ir_r3_k3_s2_e6_c96"],
    ["cn_r1_k1_s1_c576"],
  ],
  act: "relu",
};

/** Large as first written for timm: Python's rounding and the block's activation in squeeze-excite, no bias in the head. */
export const v3Rw: Design = {
  blocks: v3Large.blocks.map((stage, i) => (i === 0 ? ["ds_r1_k3_s1_e1_c16_nre_noskip"] : stage)),
  act: "hard_swish",
  headBias: false,
  se: () => squeezeExcite({ gate: "hard_sigmoid" }),
  takes: ["channel_multiplier"],
  sets: ["head_bias", "se_layer"],
};

/** PP-LCNet (Cui et al. 2021, arXiv:2109.15099). */
export const lcnet: Design = {
  blocks: [
    ["dsa_r1_k3_s1_c32"],
    ["dsa_r2_k3_s2_c64"],
    ["dsa_r2_k3_s2_c128"],
    ["dsa_r1_k3_s2_c256", "dsa_r1_k5_s1_c256"],
    ["dsa_r4_k5_s1_c256"],
    ["dsa_r2_k5_s2_c512_se0.25"],
  ],
  act: "hard_swish",
  stem: 16,
  head: 1280,
  se: () => squeezeExcite({ gate: "hard_sigmoid", forceAct: "relu" }),
  takes: ["channel_multiplier"],
  sets: ["stem_size", "num_features", "se_layer"],
};

/** FBNetV3 (Dai et al. 2020, arXiv:2006.02049): A and B, D, G. */
export const fbnetv3B: Design = {
  blocks: [
    ["ds_r2_k3_s1_e1_c16"],
    ["ir_r1_k5_s2_e4_c24", "ir_r3_k5_s1_e2_c24"],
    ["ir_r1_k5_s2_e5_c40_se0.25", "ir_r4_k5_s1_e3_c40_se0.25"],
    ["ir_r1_k5_s2_e5_c72", "ir_r4_k3_s1_e3_c72"],
    ["ir_r1_k3_s1_e5_c120_se0.25", "ir_r5_k5_s1_e3_c120_se0.25"],
    ["ir_r1_k3_s2_e6_c184_se0.25", "ir_r5_k5_s1_e4_c184_se0.25", "ir_r1_k5_s1_e6_c224_se0.25"],
    ["cn_r1_k1_s1_c1344"],
  ],
  act: "hard_swish",
  stem: 16,
  head: 1984,
  headBias: false,
  seFromExp: false,
  se: (round) => squeezeExcite({ gate: "hard_sigmoid", round }),
  roundLimit: 0.95,
  takes: ["channel_multiplier"],
  sets: ["num_features", "head_bias", "stem_size", "se_from_exp", "se_layer"],
};

export const fbnetv3D: Design = {
  ...fbnetv3B,
  blocks: [
    ["ds_r2_k3_s1_e1_c16"],
    ["ir_r1_k3_s2_e5_c24", "ir_r5_k3_s1_e2_c24"],
    ["ir_r1_k5_s2_e4_c40_se0.25", "ir_r4_k3_s1_e3_c40_se0.25"],
    ["ir_r1_k3_s2_e5_c72", "ir_r4_k3_s1_e3_c72"],
    ["ir_r1_k3_s1_e5_c128_se0.25", "ir_r6_k5_s1_e3_c128_se0.25"],
    ["ir_r1_k3_s2_e6_c208_se0.25", "ir_r5_k5_s1_e5_c208_se0.25", "ir_r1_k5_s1_e6_c240_se0.25"],
    ["cn_r1_k1_s1_c1440"],
  ],
  stem: 24,
};

export const fbnetv3G: Design = {
  ...fbnetv3B,
  blocks: [
    ["ds_r3_k3_s1_e1_c24"],
    ["ir_r1_k5_s2_e4_c40", "ir_r4_k5_s1_e2_c40"],
    ["ir_r1_k5_s2_e4_c56_se0.25", "ir_r4_k5_s1_e3_c56_se0.25"],
    ["ir_r1_k5_s2_e5_c104", "ir_r4_k3_s1_e3_c104"],
    ["ir_r1_k3_s1_e5_c160_se0.25", "ir_r8_k5_s1_e3_c160_se0.25"],
    ["ir_r1_k3_s2_e6_c264_se0.25", "ir_r6_k5_s1_e5_c264_se0.25", "ir_r2_k5_s1_e6_c288_se0.25"],
    ["cn_r1_k1_s1_c1728"],
  ],
  stem: 32,
};
