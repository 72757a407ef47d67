import { squeezeExcite } from "../efficientnet/se-layer.ts";
import { entryRow, roundChannels } from "../efficientnet/trunk-args.ts";
import type { MobileNetV3Config } from "../mobilenetv3/config.ts";
import type { Design } from "../mobilenetv3/designs.ts";

/** What all six share: MobileNetV3's stem (twice as wide), head and squeeze-excite. */
const base: Omit<Design, "blocks"> = {
  act: "hard_swish",
  stem: 32,
  head: 1280,
  se: () => squeezeExcite({ gate: "hard_sigmoid", forceAct: "relu", round: roundChannels(1) }),
  takes: [],
  sets: ["num_features", "stem_size", "se_layer"],
};

/** The searched stages (Nayman et al. 2021, arXiv:2102.11646) between the first block and the last convolution. */
const row = (...stages: readonly (readonly string[])[]): Partial<MobileNetV3Config> =>
  entryRow({ ...base, blocks: [["ds_r1_k3_s1_e1_c16_nre"], ...stages, ["cn_r1_k1_s1_c960"]] }, {}, {});

/** A row per architecture. */
export const variants: Readonly<Record<string, Partial<MobileNetV3Config>>> = {
  hardcorenas_a: row(
    ["ir_r1_k5_s2_e3_c24_nre", "ir_r1_k5_s1_e3_c24_nre_se0.25"],
    ["ir_r1_k5_s2_e3_c40_nre", "ir_r1_k5_s1_e6_c40_nre_se0.25"],
    ["ir_r1_k5_s2_e6_c80_se0.25", "ir_r1_k5_s1_e6_c80_se0.25"],
    ["ir_r1_k5_s1_e6_c112_se0.25", "ir_r1_k5_s1_e6_c112_se0.25"],
    ["ir_r1_k5_s2_e6_c192_se0.25", "ir_r1_k5_s1_e6_c192_se0.25"],
  ),
  hardcorenas_b: row(
    ["ir_r1_k5_s2_e3_c24_nre", "ir_r1_k5_s1_e3_c24_nre_se0.25", "ir_r1_k3_s1_e3_c24_nre"],
    ["ir_r1_k5_s2_e3_c40_nre", "ir_r1_k5_s1_e3_c40_nre", "ir_r1_k5_s1_e3_c40_nre"],
    ["ir_r1_k5_s2_e3_c80", "ir_r1_k5_s1_e3_c80", "ir_r1_k3_s1_e3_c80", "ir_r1_k3_s1_e3_c80"],
    ["ir_r1_k5_s1_e3_c112", "ir_r1_k3_s1_e3_c112", "ir_r1_k3_s1_e3_c112", "ir_r1_k3_s1_e3_c112"],
    ["ir_r1_k5_s2_e6_c192_se0.25", "ir_r1_k5_s1_e6_c192_se0.25", "ir_r1_k3_s1_e3_c192_se0.25"],
  ),
  hardcorenas_c: row(
    ["ir_r1_k5_s2_e3_c24_nre", "ir_r1_k5_s1_e3_c24_nre_se0.25"],
    ["ir_r1_k5_s2_e3_c40_nre", "ir_r1_k5_s1_e3_c40_nre", "ir_r1_k5_s1_e3_c40_nre", "ir_r1_k5_s1_e3_c40_nre"],
    ["ir_r1_k5_s2_e4_c80", "ir_r1_k5_s1_e6_c80_se0.25", "ir_r1_k3_s1_e3_c80", "ir_r1_k3_s1_e3_c80"],
    ["ir_r1_k5_s1_e6_c112_se0.25", "ir_r1_k3_s1_e3_c112", "ir_r1_k3_s1_e3_c112", "ir_r1_k3_s1_e3_c112"],
    ["ir_r1_k5_s2_e6_c192_se0.25", "ir_r1_k5_s1_e6_c192_se0.25", "ir_r1_k3_s1_e3_c192_se0.25"],
  ),
  hardcorenas_d: row(
    ["ir_r1_k5_s2_e3_c24_nre_se0.25", "ir_r1_k5_s1_e3_c24_nre_se0.25"],
    ["ir_r1_k5_s2_e3_c40_nre_se0.25", "ir_r1_k5_s1_e4_c40_nre_se0.25", "ir_r1_k3_s1_e3_c40_nre_se0.25"],
    [
      "ir_r1_k5_s2_e4_c80_se0.25",
      "ir_r1_k3_s1_e3_c80_se0.25",
      "ir_r1_k3_s1_e3_c80_se0.25",
      "ir_r1_k3_s1_e3_c80_se0.25",
    ],
    [
      "ir_r1_k3_s1_e4_c112_se0.25",
      "ir_r1_k5_s1_e4_c112_se0.25",
      "ir_r1_k3_s1_e3_c112_se0.25",
      "ir_r1_k5_s1_e3_c112_se0.25",
    ],
    [
      "ir_r1_k5_s2_e6_c192_se0.25",
      "ir_r1_k5_s1_e6_c192_se0.25",
      "ir_r1_k5_s1_e6_c192_se0.25",
      "ir_r1_k3_s1_e6_c192_se0.25",
    ],
  ),
  hardcorenas_e: row(
    ["ir_r1_k5_s2_e3_c24_nre_se0.25", "ir_r1_k5_s1_e3_c24_nre_se0.25"],
    [
      "ir_r1_k5_s2_e6_c40_nre_se0.25",
      "ir_r1_k5_s1_e4_c40_nre_se0.25",
      "ir_r1_k5_s1_e4_c40_nre_se0.25",
      "ir_r1_k3_s1_e3_c40_nre_se0.25",
    ],
    ["ir_r1_k5_s2_e4_c80_se0.25", "ir_r1_k3_s1_e6_c80_se0.25"],
    [
      "ir_r1_k5_s1_e6_c112_se0.25",
      "ir_r1_k5_s1_e6_c112_se0.25",
      "ir_r1_k5_s1_e6_c112_se0.25",
      "ir_r1_k5_s1_e3_c112_se0.25",
    ],
    [
      "ir_r1_k5_s2_e6_c192_se0.25",
      "ir_r1_k5_s1_e6_c192_se0.25",
      "ir_r1_k5_s1_e6_c192_se0.25",
      "ir_r1_k3_s1_e6_c192_se0.25",
    ],
  ),
  hardcorenas_f: row(
    ["ir_r1_k5_s2_e3_c24_nre_se0.25", "ir_r1_k5_s1_e3_c24_nre_se0.25"],
    ["ir_r1_k5_s2_e6_c40_nre_se0.25", "ir_r1_k5_s1_e6_c40_nre_se0.25"],
    [
      "ir_r1_k5_s2_e6_c80_se0.25",
      "ir_r1_k5_s1_e6_c80_se0.25",
      "ir_r1_k3_s1_e3_c80_se0.25",
      "ir_r1_k3_s1_e3_c80_se0.25",
    ],
    [
      "ir_r1_k3_s1_e6_c112_se0.25",
      "ir_r1_k5_s1_e6_c112_se0.25",
      "ir_r1_k5_s1_e6_c112_se0.25",
      "ir_r1_k3_s1_e3_c112_se0.25",
    ],
    [
      "ir_r1_k5_s2_e6_c192_se0.25",
      "ir_r1_k5_s1_e6_c192_se0.25",
      "ir_r1_k3_s1_e6_c192_se0.25",
      "ir_r1_k3_s1_e6_c192_se0.25",
    ],
  ),
};
