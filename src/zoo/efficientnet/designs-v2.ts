import type { Design } from "./designs.ts";

const scales = ["channel_multiplier", "depth_multiplier"];
const grouped = [...scales, "group_size"];
const sets = ["num_features"];

/** EfficientNetV2 (Tan and Le 2021, arXiv:2104.00298, table 4): B, S, M, L, XL. */
export const v2Base: Design = {
  blocks: [
    ["cn_r1_k3_s1_e1_c16_skip"],
    ["er_r2_k3_s2_e4_c32"],
    ["er_r2_k3_s2_e4_c48"],
    ["ir_r3_k3_s2_e4_c96_se0.25"],
    ["ir_r5_k3_s1_e6_c112_se0.25"],
    ["ir_r8_k3_s2_e6_c192_se0.25"],
  ],
  stem: 32,
  head: [1280, "scaled"],
  act: "silu",
  roundLimit: 0,
  takes: grouped,
  sets,
};

export const v2S: Design = {
  blocks: [
    ["cn_r2_k3_s1_e1_c24_skip"],
    ["er_r4_k3_s2_e4_c48"],
    ["er_r4_k3_s2_e4_c64"],
    ["ir_r6_k3_s2_e4_c128_se0.25"],
    ["ir_r9_k3_s1_e6_c160_se0.25"],
    ["ir_r15_k3_s2_e6_c256_se0.25"],
  ],
  stem: 24,
  head: [1280, "scaled"],
  act: "silu",
  takes: grouped,
  sets,
};

/** S as first drawn from the paper's figure, before the reference code was out. */
export const v2SRw: Design = {
  ...v2S,
  blocks: [["er_r2_k3_s1_e1_c24"], ...v2S.blocks.slice(1, -1), ["ir_r15_k3_s2_e6_c272_se0.25"]],
  head: [1792, "scaled"],
};

export const v2M: Design = {
  ...v2S,
  blocks: [
    ["cn_r3_k3_s1_e1_c24_skip"],
    ["er_r5_k3_s2_e4_c48"],
    ["er_r5_k3_s2_e4_c80"],
    ["ir_r7_k3_s2_e4_c160_se0.25"],
    ["ir_r14_k3_s1_e6_c176_se0.25"],
    ["ir_r18_k3_s2_e6_c304_se0.25"],
    ["ir_r5_k3_s1_e6_c512_se0.25"],
  ],
  head: [1280, "fixed"],
};

export const v2L: Design = {
  ...v2M,
  blocks: [
    ["cn_r4_k3_s1_e1_c32_skip"],
    ["er_r7_k3_s2_e4_c64"],
    ["er_r7_k3_s2_e4_c96"],
    ["ir_r10_k3_s2_e4_c192_se0.25"],
    ["ir_r19_k3_s1_e6_c224_se0.25"],
    ["ir_r25_k3_s2_e6_c384_se0.25"],
    ["ir_r7_k3_s1_e6_c640_se0.25"],
  ],
  stem: 32,
};

export const v2Xl: Design = {
  ...v2L,
  blocks: [
    ["cn_r4_k3_s1_e1_c32_skip"],
    ["er_r8_k3_s2_e4_c64"],
    ["er_r8_k3_s2_e4_c96"],
    ["ir_r16_k3_s2_e4_c192_se0.25"],
    ["ir_r24_k3_s1_e6_c256_se0.25"],
    ["ir_r32_k3_s2_e6_c512_se0.25"],
    ["ir_r8_k3_s1_e6_c640_se0.25"],
  ],
};

/** MixNet (Tan and Le 2019, arXiv:1907.09595): several kernel extents in one depthwise convolution. */
export const mixnetS: Design = {
  blocks: [
    ["ds_r1_k3_s1_e1_c16"],
    ["ir_r1_k3_a1.1_p1.1_s2_e6_c24", "ir_r1_k3_a1.1_p1.1_s1_e3_c24"],
    ["ir_r1_k3.5.7_s2_e6_c40_se0.5_nsw", "ir_r3_k3.5_a1.1_p1.1_s1_e6_c40_se0.5_nsw"],
    ["ir_r1_k3.5.7_p1.1_s2_e6_c80_se0.25_nsw", "ir_r2_k3.5_p1.1_s1_e6_c80_se0.25_nsw"],
    ["ir_r1_k3.5.7_a1.1_p1.1_s1_e6_c120_se0.5_nsw", "ir_r2_k3.5.7.9_a1.1_p1.1_s1_e3_c120_se0.5_nsw"],
    ["ir_r1_k3.5.7.9.11_s2_e6_c200_se0.5_nsw", "ir_r2_k3.5.7.9_p1.1_s1_e6_c200_se0.5_nsw"],
  ],
  stem: 16,
  head: [1536, "fixed"],
  act: "relu",
  takes: ["channel_multiplier"],
  sets,
};

export const mixnetM: Design = {
  ...mixnetS,
  blocks: [
    ["ds_r1_k3_s1_e1_c24"],
    ["ir_r1_k3.5.7_a1.1_p1.1_s2_e6_c32", "ir_r1_k3_a1.1_p1.1_s1_e3_c32"],
    ["ir_r1_k3.5.7.9_s2_e6_c40_se0.5_nsw", "ir_r3_k3.5_a1.1_p1.1_s1_e6_c40_se0.5_nsw"],
    ["ir_r1_k3.5.7_s2_e6_c80_se0.25_nsw", "ir_r3_k3.5.7.9_a1.1_p1.1_s1_e6_c80_se0.25_nsw"],
    ["ir_r1_k3_s1_e6_c120_se0.5_nsw", "ir_r3_k3.5.7.9_a1.1_p1.1_s1_e3_c120_se0.5_nsw"],
    ["ir_r1_k3.5.7.9_s2_e6_c200_se0.5_nsw", "ir_r3_k3.5.7.9_p1.1_s1_e6_c200_se0.5_nsw"],
  ],
  stem: 24,
  depthTrunc: "round",
  takes: scales,
};

/** MobileNet-EdgeTPU (2019). A block without expansion is its last 1x1 convolution alone. */
export const edgeTpu: Design = {
  blocks: [
    ["cn_r1_k1_s1_c16"],
    ["er_r1_k3_s2_e8_c32", "er_r3_k3_s1_e4_c32"],
    ["er_r1_k3_s2_e8_c48", "er_r3_k3_s1_e4_c48"],
    ["ir_r1_k3_s2_e8_c96", "ir_r3_k3_s1_e4_c96"],
    ["ir_r1_k3_s1_e8_c96_noskip", "ir_r3_k3_s1_e4_c96"],
    ["ir_r1_k5_s2_e8_c160", "ir_r3_k5_s1_e4_c160"],
    ["ir_r1_k3_s1_e8_c192"],
  ],
  stem: 32,
  head: [1280, "fixed"],
  act: "relu",
  stemKernel: 3,
  takes: scales,
  sets: ["num_features", "stem_kernel_size"],
};

/** MobileNet-EdgeTPU V2 (2022): grouped convolutions in the fused blocks. */
function edgeTpuV2(c: readonly number[], group: number, stem: number, stemKernel: number, head: number): Design {
  const later = (i: number, stride: number): string[] => [`ir_r1_k3_s${stride}_e8_c${c[i]}`, `ir_r3_k3_s1_e4_c${c[i]}`];
  return {
    ...edgeTpu,
    blocks: [
      [`cn_r1_k1_s1_c${c[0]}`],
      [`er_r1_k3_s2_e8_c${c[1]}`, `er_r1_k3_s1_e4_gs${group}_c${c[1]}`],
      [
        `er_r1_k3_s2_e8_c${c[2]}`,
        `er_r1_k3_s1_e4_gs${group}_c${c[2]}`,
        `er_r1_k3_s1_e4_c${c[2]}`,
        `er_r1_k3_s1_e4_gs${group}_c${c[2]}`,
      ],
      [`er_r1_k3_s2_e8_c${c[3]}`, `ir_r3_k3_s1_e4_c${c[3]}`],
      later(4, 1),
      later(5, 2),
      [`ir_r1_k3_s1_e8_c${c[6]}`],
    ],
    stem,
    stemKernel,
    head: [head, "fixed"],
  };
}

export const edgeTpuV2Xs = edgeTpuV2([16, 32, 48, 96, 144, 160, 192], 64, 32, 3, 1280);
export const edgeTpuV2S = edgeTpuV2([24, 48, 64, 128, 160, 192, 256], 64, 64, 5, 1280);
export const edgeTpuV2M = edgeTpuV2([32, 64, 80, 160, 192, 240, 320], 64, 64, 5, 1344);
export const edgeTpuV2L = edgeTpuV2([32, 64, 96, 192, 240, 256, 384], 128, 64, 7, 1408);
