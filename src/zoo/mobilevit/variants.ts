import type { StageRow } from "../byobnet/config.ts";
import type { BlockRow } from "../byobnet/design.ts";
import type { Row } from "../byobnet/variants.ts";
import { mobileVitBlock, mobileVitV2Block } from "./blocks.ts";

/** MobileNetV2's block; its width is of the input, and nothing activates the sum. */
const inverted = (d: number, c: number, s: 1 | 2, br: number): BlockRow => ({
  type: "bottle",
  d,
  c,
  s,
  gs: 1,
  br,
  block_kwargs: { bottle_in: true, linear_out: true },
});

const common: Row = { stem_type: "3x3", stem_pool: "", downsample: "" };

interface Size {
  readonly first: number;
  /** Channels of the second stage and of those with transformers. */
  readonly channels: readonly [number, number, number, number];
  readonly transformers: readonly [number, number, number];
  readonly ratio: number;
  readonly last: number;
}

const depths = [2, 4, 3];

/** Table 4 of MobileViT (arXiv:2110.02178). */
const v1 = ({ first, channels: [second, ...rest], transformers, ratio, last }: Size): Row => ({
  ...common,
  blocks: [
    inverted(1, first, 1, ratio),
    inverted(3, second, 2, ratio),
    ...rest.map((c, i): StageRow => {
      const block = mobileVitBlock({ width: transformers[i] ?? 0, depth: depths[i] ?? 0, patch: 2 });
      return [inverted(1, c, 2, ratio), { type: block, c, s: 1 }];
    }),
  ],
  stem_chs: 16,
  act_layer: "silu",
  num_features: last,
});

/** Table 5 of MobileViT V2 (arXiv:2206.02680), scaled. */
function v2(multiplier: number): Row {
  const scaled = (c: number): number => Math.trunc(c * multiplier);
  return {
    ...common,
    blocks: [
      inverted(1, scaled(64), 1, 2),
      inverted(2, scaled(128), 2, 2),
      ...[256, 384, 512].map((width, i): StageRow => {
        const c = scaled(width);
        const block = mobileVitV2Block({ depth: depths[i] ?? 0, patch: 2 });
        return [inverted(1, c, 2, 2), { type: block, c, s: 1, br: 0.5, gs: 1 }];
      }),
    ],
    stem_chs: scaled(32),
    act_layer: "silu",
  };
}

/** A row per architecture. */
export const variants: Readonly<Record<string, Row>> = {
  mobilevit_xxs: v1({ first: 16, channels: [24, 48, 64, 80], transformers: [64, 80, 96], ratio: 2, last: 320 }),
  mobilevit_xs: v1({ first: 32, channels: [48, 64, 80, 96], transformers: [96, 120, 144], ratio: 4, last: 384 }),
  mobilevit_s: v1({ first: 32, channels: [64, 96, 128, 160], transformers: [144, 192, 240], ratio: 4, last: 640 }),
  mobilevitv2_050: v2(0.5),
  mobilevitv2_075: v2(0.75),
  mobilevitv2_100: v2(1),
  mobilevitv2_125: v2(1.25),
  mobilevitv2_150: v2(1.5),
  mobilevitv2_175: v2(1.75),
  mobilevitv2_200: v2(2),
};
