import type { ActName } from "../layers/act.ts";

/** What timm's generator functions know: the block strings of a network at multiplier 1, and its stem and head. */
export interface Design {
  readonly blocks: readonly (readonly string[])[];
  readonly stem: number;
  readonly act: ActName;
  /**
   * Width of the last convolution: `fixed`; `scaled` with the channels; `grown`, scaled but never narrower, and fixed with
   * fix_stem_head; `asked`, grown where head_conv asks for it and left out otherwise. Without it the argument
   * num_features says it.
   */
  readonly head?: readonly [width: number, rule: "fixed" | "scaled" | "grown" | "asked"];
  readonly stemKernel?: number;
  /** The stem is not scaled. */
  readonly fixStem?: boolean;
  /** The first and the last stage keep their depth. */
  readonly fixEnds?: boolean;
  /** Rounding may lose this part of the channels; 0.9 without it. */
  readonly roundLimit?: number;
  readonly depthTrunc?: "round";
  /** Arguments of the generator. */
  readonly takes: readonly string[];
  /** Arguments of the constructor that the generator sets. */
  readonly sets: readonly string[];
}

const channels = ["channel_multiplier"];
const scales = ["channel_multiplier", "depth_multiplier"];
const grouped = [...scales, "group_size"];
const divided = [...grouped, "channel_divisor"];

/** MnasNet (Tan et al. 2018, arXiv:1807.11626): A1 with squeeze-excite, B1, small. */
export const mnasnetA1: Design = {
  blocks: [
    ["ds_r1_k3_s1_e1_c16_noskip"],
    ["ir_r2_k3_s2_e6_c24"],
    ["ir_r3_k5_s2_e3_c40_se0.25"],
    ["ir_r4_k3_s2_e6_c80"],
    ["ir_r2_k3_s1_e6_c112_se0.25"],
    ["ir_r3_k5_s2_e6_c160_se0.25"],
    ["ir_r1_k3_s1_e6_c320"],
  ],
  stem: 32,
  act: "relu",
  takes: channels,
  sets: [],
};

export const mnasnetB1: Design = {
  ...mnasnetA1,
  blocks: [
    ["ds_r1_k3_s1_c16_noskip"],
    ["ir_r3_k3_s2_e3_c24"],
    ["ir_r3_k5_s2_e3_c40"],
    ["ir_r3_k5_s2_e6_c80"],
    ["ir_r2_k3_s1_e6_c96"],
    ["ir_r4_k5_s2_e6_c192"],
    ["ir_r1_k3_s1_e6_c320_noskip"],
  ],
};

export const mnasnetSmall: Design = {
  ...mnasnetA1,
  blocks: [
    ["ds_r1_k3_s1_c8"],
    ["ir_r1_k3_s2_e3_c16"],
    ["ir_r2_k3_s2_e6_c16"],
    ["ir_r4_k5_s2_e6_c32_se0.25"],
    ["ir_r3_k3_s1_e6_c32_se0.25"],
    ["ir_r3_k5_s2_e6_c88_se0.25"],
    ["ir_r1_k3_s1_e6_c144"],
  ],
  stem: 8,
};

/** Single-Path NAS (Stamoulis et al. 2019, arXiv:1904.02877). */
export const spnasnet: Design = {
  ...mnasnetA1,
  blocks: [
    ["ds_r1_k3_s1_c16_noskip"],
    ["ir_r3_k3_s2_e3_c24"],
    ["ir_r1_k5_s2_e6_c40", "ir_r3_k3_s1_e3_c40"],
    ["ir_r1_k5_s2_e6_c80", "ir_r3_k3_s1_e3_c80"],
    ["ir_r1_k5_s1_e6_c96", "ir_r3_k5_s1_e3_c96"],
    ["ir_r4_k5_s2_e6_c192"],
    ["ir_r1_k3_s1_e6_c320_noskip"],
  ],
};

/** FBNet-C (Wu et al. 2018, arXiv:1812.03443). */
export const fbnetC: Design = {
  blocks: [
    ["ir_r1_k3_s1_e1_c16"],
    ["ir_r1_k3_s2_e6_c24", "ir_r2_k3_s1_e1_c24"],
    ["ir_r1_k5_s2_e6_c32", "ir_r1_k5_s1_e3_c32", "ir_r1_k5_s1_e6_c32", "ir_r1_k3_s1_e6_c32"],
    ["ir_r1_k5_s2_e6_c64", "ir_r1_k5_s1_e3_c64", "ir_r2_k5_s1_e6_c64"],
    ["ir_r3_k5_s1_e6_c112", "ir_r1_k5_s1_e3_c112"],
    ["ir_r4_k5_s2_e6_c184"],
    ["ir_r1_k3_s1_e6_c352"],
  ],
  stem: 16,
  head: [1984, "fixed"],
  act: "relu",
  takes: channels,
  sets: ["num_features"],
};

/** MobileNet V1 (Howard et al. 2017, arXiv:1704.04861). */
export const mobilenetV1: Design = {
  blocks: [
    ["dsa_r1_k3_s1_c64"],
    ["dsa_r2_k3_s2_c128"],
    ["dsa_r2_k3_s2_c256"],
    ["dsa_r6_k3_s2_c512"],
    ["dsa_r2_k3_s2_c1024"],
  ],
  stem: 32,
  head: [1024, "asked"],
  act: "relu6",
  takes: [...grouped, "fix_stem_head", "head_conv"],
  sets: ["num_features", "fix_stem"],
};

/** MobileNet V2 (Sandler et al. 2018, arXiv:1801.04381). */
export const mobilenetV2: Design = {
  blocks: [
    ["ds_r1_k3_s1_c16"],
    ["ir_r2_k3_s2_e6_c24"],
    ["ir_r3_k3_s2_e6_c32"],
    ["ir_r4_k3_s2_e6_c64"],
    ["ir_r3_k3_s1_e6_c96"],
    ["ir_r3_k3_s2_e6_c160"],
    ["ir_r1_k3_s1_e6_c320"],
  ],
  stem: 32,
  head: [1280, "grown"],
  act: "relu6",
  takes: [...grouped, "fix_stem_head"],
  sets: ["num_features", "fix_stem"],
};

/** EfficientNet (Tan and Le 2019, arXiv:1905.11946). */
export const efficientnet: Design = {
  blocks: [
    ["ds_r1_k3_s1_e1_c16_se0.25"],
    ["ir_r2_k3_s2_e6_c24_se0.25"],
    ["ir_r2_k5_s2_e6_c40_se0.25"],
    ["ir_r3_k3_s2_e6_c80_se0.25"],
    ["ir_r3_k5_s1_e6_c112_se0.25"],
    ["ir_r4_k5_s2_e6_c192_se0.25"],
    ["ir_r1_k3_s1_e6_c320_se0.25"],
  ],
  stem: 32,
  head: [1280, "scaled"],
  act: "swish",
  takes: divided,
  sets: ["num_features"],
};

/** EfficientNet with conditional convolutions in the last stages (Yang et al. 2019, arXiv:1904.04971). */
export const condconv: Design = {
  ...efficientnet,
  blocks: efficientnet.blocks.map((stage, i) => (i < 4 ? stage : stage.map((block) => `${block}_cc4`))),
  takes: [...scales, "experts_multiplier"],
};

/** EfficientNet-EdgeTPU (2019). The first expansion is of 24 channels, as in the reference code, not of the stem's 32. */
export const edge: Design = {
  ...efficientnet,
  blocks: [
    ["er_r1_k3_s1_e4_c24_fc24_noskip"],
    ["er_r2_k3_s2_e8_c32"],
    ["er_r4_k3_s2_e8_c48"],
    ["ir_r5_k5_s2_e8_c96"],
    ["ir_r4_k5_s1_e8_c144"],
    ["ir_r2_k5_s2_e8_c192"],
  ],
  act: "relu",
  takes: grouped,
};

/** EfficientNet-Lite (2020): no squeeze-excite, ReLU6, fixed stem and head. */
export const lite: Design = {
  blocks: efficientnet.blocks.map((stage) => stage.map((block) => block.replace("_se0.25", ""))),
  stem: 32,
  head: [1280, "fixed"],
  act: "relu6",
  fixStem: true,
  fixEnds: true,
  takes: scales,
  sets: ["num_features", "fix_stem"],
};

/** TinyNet (Han et al. 2020, arXiv:2010.14819). */
export const tinynet: Design = {
  ...efficientnet,
  head: [1280, "grown"],
  fixStem: true,
  depthTrunc: "round",
  takes: [],
  sets: ["num_features", "fix_stem"],
};

/** EfficientNet-X and -H (Li et al. 2021, arXiv:2102.05610): space to depth, fused blocks, two activations. */
export const x1: Design = {
  ...efficientnet,
  blocks: [
    ["ds_r1_k3_s1_e1_c16_se0.25_d1"],
    ["er_r2_k3_s2_e6_c24_se0.25_nre"],
    ["er_r2_k5_s2_e6_c40_se0.25_nre"],
    ["ir_r3_k3_s2_e6_c80_se0.25"],
    ["ir_r3_k5_s1_e6_c112_se0.25"],
    ["ir_r4_k5_s2_e6_c192_se0.25"],
    ["ir_r1_k3_s1_e6_c320_se0.25"],
  ],
  act: "silu",
};

export const x2: Design = {
  ...x1,
  blocks: x1.blocks.map((stage, i) => (i > 3 ? stage : stage.map((block) => block.replace("_e6_", "_e4_")))),
};

/** Smallest network of the family, for tests. */
export const tiny: Design = {
  blocks: [
    ["cn_r1_k3_s1_e1_c16_skip"],
    ["er_r1_k3_s2_e4_c24"],
    ["er_r1_k3_s2_e4_c32"],
    ["ir_r1_k3_s2_e4_c48_se0.25"],
    ["ir_r1_k3_s2_e4_c64_se0.25"],
  ],
  stem: 24,
  head: [256, "scaled"],
  act: "silu",
  roundLimit: 0,
  takes: scales,
  sets: ["num_features"],
};
