/** Gemma 3n's image encoder, "MobileNetV5": fused and universal inverted bottlenecks, then multi-query attention. */

const repeat = (times: number, ...blocks: readonly string[]): string[] =>
  Array.from({ length: times }, () => blocks).flat();

const fused = ["er_r1_k3_s2_e4_c128", "er_r1_k3_s1_e4_c128", "er_r1_k3_s1_e4_c128"];
const second = ["uir_r1_a3_k5_s2_e6_c256", ...repeat(2, "uir_r1_a5_k0_s1_e4_c256", "uir_r1_a3_k0_s1_e4_c256")];

export const base = [
  fused,
  second,
  [
    "uir_r1_a5_k5_s2_e6_c512",
    ...repeat(2, "uir_r1_a5_k0_s1_e4_c512"),
    "uir_r1_a0_k0_s1_e1_c512",
    ...repeat(6, "mqa_r1_k3_h8_s2_d64_c512", "uir_r1_a0_k0_s1_e2_c512"),
  ],
  ["uir_r1_a5_k5_s2_e6_c1024", ...repeat(7, "mqa_r1_k3_h16_s1_d64_c1024", "uir_r1_a0_k0_s1_e2_c1024")],
];

export const large = [
  fused,
  second,
  [
    "uir_r1_a5_k5_s2_e6_c640",
    ...repeat(7, "uir_r1_a5_k0_s1_e4_c640"),
    "uir_r1_a0_k0_s1_e1_c640",
    ...repeat(14, "mqa_r1_k3_h12_v2_s1_d64_c640", "uir_r1_a0_k0_s1_e2_c640"),
  ],
  ["uir_r1_a5_k5_s2_e6_c1280", ...repeat(19, "mqa_r1_k3_h16_s1_d96_c1280", "uir_r1_a0_k0_s1_e2_c1280")],
];
