import type { ResNetV2Config } from "./config.ts";

type Row = Partial<ResNetV2Config>;

/** Big Transfer (Kolesnikov et al. 2019, arXiv:1912.11370): the entry function sets all of these itself. */
const bit = (layers: readonly number[], width_factor: number): Row => ({
  layers,
  width_factor,
  stem_type: "fixed",
  conv_layer: { eps: 1e-8 },
  fixed: ["layers", "width_factor", "stem_type", "conv_layer"],
});

const plain: Row = { conv_layer: "plain", norm_layer: { kind: "batchnorm" } };
const basic: Row = { ...plain, channels: [64, 128, 256, 512], basic: true, bottle_ratio: 1 };
const deep: Row = { stem_type: "deep", avg_down: true };

/** A row per architecture. */
export const variants: Readonly<Record<string, Row>> = {
  resnetv2_50x1_bit: bit([3, 4, 6, 3], 1),
  resnetv2_50x3_bit: bit([3, 4, 6, 3], 3),
  resnetv2_101x1_bit: bit([3, 4, 23, 3], 1),
  resnetv2_101x3_bit: bit([3, 4, 23, 3], 3),
  resnetv2_152x2_bit: bit([3, 8, 36, 3], 2),
  resnetv2_152x4_bit: bit([3, 8, 36, 3], 4),
  resnetv2_18: { ...basic, layers: [2, 2, 2, 2] },
  resnetv2_18d: { ...basic, ...deep, layers: [2, 2, 2, 2] },
  resnetv2_34: { ...basic, layers: [3, 4, 6, 3] },
  resnetv2_34d: { ...basic, ...deep, layers: [3, 4, 6, 3] },
  resnetv2_50: { ...plain, layers: [3, 4, 6, 3] },
  resnetv2_50d: { ...plain, ...deep, layers: [3, 4, 6, 3] },
  resnetv2_50t: { ...plain, layers: [3, 4, 6, 3], stem_type: "tiered", avg_down: true },
  resnetv2_101: { ...plain, layers: [3, 4, 23, 3] },
  resnetv2_101d: { ...plain, ...deep, layers: [3, 4, 23, 3] },
  resnetv2_152: { ...plain, layers: [3, 8, 36, 3] },
  resnetv2_152d: { ...plain, ...deep, layers: [3, 8, 36, 3] },
  resnetv2_50d_gn: { ...deep, conv_layer: "plain", norm_layer: { kind: "groupnorm" }, layers: [3, 4, 6, 3] },
  resnetv2_50d_evos: { ...deep, conv_layer: "plain", norm_layer: { kind: "evonorms0" }, layers: [3, 4, 6, 3] },
  resnetv2_50d_frn: { ...deep, conv_layer: "plain", norm_layer: { kind: "frntlu" }, layers: [3, 4, 6, 3] },
};
