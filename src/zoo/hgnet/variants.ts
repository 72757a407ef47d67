import type { HgNetConfig, StageDesign } from "./config.ts";

type Row = Partial<HgNetConfig>;
type Sizes = readonly [mid: number, out: number, depth: number];

/** PP-HGNet: 3x3 convolutions throughout. */
const first = (stem: readonly number[], layers: number, sizes: readonly Sizes[]): Row => ({
  design: {
    version: 1,
    stem,
    stages: sizes.map(([mid, out, depth], i): StageDesign => {
      return { mid, out, depth, downsample: i > 0, light: false, kernel: 3, layers };
    }),
  },
});

/** PP-HGNetV2: light layers in the last two stages. The small ones have the learned scales. */
const second = (stem: readonly number[], layers: number, sizes: readonly Sizes[], lab = false): Row => ({
  design: {
    version: 2,
    stem,
    stages: sizes.map(([mid, out, depth], i): StageDesign => {
      return { mid, out, depth, downsample: i > 0, light: i > 1, kernel: i > 1 ? 5 : 3, layers };
    }),
  },
  ...(lab ? { use_lab: true, fixed: ["use_lab"] } : {}),
});

/** A row per architecture: stem, layers per block, then channels inside and outside and depth of each stage. */
export const variants: Readonly<Record<string, Row>> = {
  hgnet_tiny: first([48, 48, 96], 5, [
    [96, 224, 1],
    [128, 448, 1],
    [160, 512, 2],
    [192, 768, 1],
  ]),
  hgnet_small: first([64, 64, 128], 6, [
    [128, 256, 1],
    [160, 512, 1],
    [192, 768, 2],
    [224, 1024, 1],
  ]),
  hgnet_base: first([96, 96, 160], 7, [
    [192, 320, 1],
    [224, 640, 2],
    [256, 960, 3],
    [288, 1280, 2],
  ]),
  hgnetv2_b0: second(
    [16, 16],
    3,
    [
      [16, 64, 1],
      [32, 256, 1],
      [64, 512, 2],
      [128, 1024, 1],
    ],
    true,
  ),
  hgnetv2_b1: second(
    [24, 32],
    3,
    [
      [32, 64, 1],
      [48, 256, 1],
      [96, 512, 2],
      [192, 1024, 1],
    ],
    true,
  ),
  hgnetv2_b2: second(
    [24, 32],
    4,
    [
      [32, 96, 1],
      [64, 384, 1],
      [128, 768, 3],
      [256, 1536, 1],
    ],
    true,
  ),
  hgnetv2_b3: second(
    [24, 32],
    5,
    [
      [32, 128, 1],
      [64, 512, 1],
      [128, 1024, 3],
      [256, 2048, 1],
    ],
    true,
  ),
  hgnetv2_b4: second([32, 48], 6, [
    [48, 128, 1],
    [96, 512, 1],
    [192, 1024, 3],
    [384, 2048, 1],
  ]),
  hgnetv2_b5: second([32, 64], 6, [
    [64, 128, 1],
    [128, 512, 2],
    [256, 1024, 5],
    [512, 2048, 2],
  ]),
  hgnetv2_b6: second([48, 96], 6, [
    [96, 192, 2],
    [192, 512, 3],
    [384, 1024, 6],
    [768, 2048, 3],
  ]),
};
