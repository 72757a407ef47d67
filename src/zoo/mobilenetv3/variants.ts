import { entryRow, tensorFlow as tf } from "../efficientnet/trunk-args.ts";
import type { MobileNetV3Config } from "./config.ts";
import { v4ConvLarge, v4ConvMedium, v4ConvSmall, v4HybridLarge, v4HybridMedium } from "./designs-v4.ts";
import {
  type Design,
  fbnetv3B,
  fbnetv3D,
  fbnetv3G,
  lcnet,
  v3Large,
  v3LargeMinimal,
  v3Rw,
  v3Small,
  v3SmallMinimal,
} from "./designs.ts";

type Row = Partial<MobileNetV3Config>;

const row = (design: Design, passed: Row = {}, defaults: Row = {}): Row => entryRow(design, passed, defaults);

const wide = (channel_multiplier: number): Row => ({ channel_multiplier });

/** A row per architecture. */
export const variants: Readonly<Record<string, Row>> = {
  mobilenetv3_large_075: row(v3Large, wide(0.75)),
  mobilenetv3_large_100: row(v3Large, wide(1)),
  mobilenetv3_large_150d: row(v3Large, { channel_multiplier: 1.5, depth_multiplier: 1.2 }),
  mobilenetv3_small_050: row(v3Small, wide(0.5)),
  mobilenetv3_small_075: row(v3Small, wide(0.75)),
  mobilenetv3_small_100: row(v3Small, wide(1)),
  mobilenetv3_rw: row(v3Rw, wide(1), { bn_eps: 1e-3 }),
  tf_mobilenetv3_large_075: row(v3Large, wide(0.75), tf),
  tf_mobilenetv3_large_100: row(v3Large, wide(1), tf),
  tf_mobilenetv3_large_minimal_100: row(v3LargeMinimal, wide(1), tf),
  tf_mobilenetv3_small_075: row(v3Small, wide(0.75), tf),
  tf_mobilenetv3_small_100: row(v3Small, wide(1), tf),
  tf_mobilenetv3_small_minimal_100: row(v3SmallMinimal, wide(1), tf),
  fbnetv3_b: row(fbnetv3B),
  fbnetv3_d: row(fbnetv3D),
  fbnetv3_g: row(fbnetv3G),
  lcnet_035: row(lcnet, wide(0.35)),
  lcnet_050: row(lcnet, wide(0.5)),
  lcnet_075: row(lcnet, wide(0.75)),
  lcnet_100: row(lcnet, wide(1)),
  lcnet_150: row(lcnet, wide(1.5)),
  mobilenetv4_conv_small_035: row(v4ConvSmall, wide(0.35)),
  mobilenetv4_conv_small_050: row(v4ConvSmall, wide(0.5)),
  mobilenetv4_conv_small: row(v4ConvSmall, wide(1)),
  mobilenetv4_conv_medium: row(v4ConvMedium, wide(1)),
  mobilenetv4_conv_large: row(v4ConvLarge, wide(1)),
  mobilenetv4_hybrid_medium: row(v4HybridMedium, wide(1)),
  mobilenetv4_hybrid_large: row(v4HybridLarge, wide(1)),
  mobilenetv4_conv_aa_medium: row(v4ConvMedium, { channel_multiplier: 1, aa_layer: "avg" }),
  mobilenetv4_conv_blur_medium: row(v4ConvMedium, { channel_multiplier: 1, aa_layer: "blurpc" }),
  mobilenetv4_conv_aa_large: row(v4ConvLarge, { channel_multiplier: 1, aa_layer: "avg" }),
  mobilenetv4_hybrid_medium_075: row(v4HybridMedium, wide(0.75)),
  mobilenetv4_hybrid_large_075: row(v4HybridLarge, wide(0.75)),
};
