import type { AttnKwargs } from "../layers/attn-layer.ts";
import { makeDivisible } from "../layers/rounding.ts";
import type { CspNetConfig } from "./config.ts";
import { type BlockKind, type Design, type StageDesign, type StemDesign, stagesOf } from "./design.ts";

type Row = Partial<CspNetConfig>;
type Values = Parameters<typeof stagesOf>[2];

const se = (kwargs: AttnKwargs = {}): StageDesign["attn"] => ({ name: "se", kwargs });

const wide = [256, 512, 1024, 2048];
const plain = [128, 256, 512, 1024];

/** Cross-stage partial ResNets, tables 1 and 2 of the paper. */
const resnet = (stem: Partial<StemDesign>, channels: readonly number[], values: Values): Row => ({
  design: {
    stem: { channels: [64], stride: 4, pool: true, ...stem },
    stages: stagesOf([3, 3, 5, 2], channels, { stride: [1, 2], crossLinear: true, ...values }),
  },
});
const kernel7 = { kernel: 7 };
const deep = { channels: [32, 32, 64] };

/** Darknets of YOLOv3 and their descendants. */
const darknet = (depths: readonly number[], values: Values, rest: Partial<Design> = {}): Row => ({
  design: {
    ...rest,
    stem: { channels: [32], stride: 1 },
    stages: stagesOf(depths, [64, 128, 256, 512, 1024], { block: "dark", ...values }),
  },
});
const dark: Values = { bottleRatio: 0.5, stage: "dark" };

interface Cs3 {
  readonly width?: number;
  readonly depth?: number;
  /** A 6x6 stem, which is a 3x3 one on quarters of the image. */
  readonly focus?: boolean;
  readonly block?: BlockKind;
  readonly bottleRatio?: number;
  readonly attn?: StageDesign["attn"];
}

/** The backbones of YOLOv5 and its kin, with their names of sizes. */
function cs3({ width = 1, depth = 1, focus = false, block = "dark", bottleRatio = 1, attn }: Cs3 = {}): Row {
  const scaled = (channels: readonly number[]): number[] => channels.map((n) => makeDivisible(n * width));
  return {
    act_layer: "silu",
    design: {
      stem: focus
        ? { channels: scaled([64]), kernel: 6, stride: 2, padding: 2 }
        : { channels: scaled([32, 64]), stride: 2 },
      stages: stagesOf(
        [3, 6, 9, 3].map((d) => Math.trunc(d * depth)),
        scaled(plain),
        { stage: "cs3", block, bottleRatio, blockRatio: 0.5, attn },
      ),
    },
  };
}
const s = { width: 0.5, depth: 0.5 };
const m = { width: 0.75, depth: 0.67 };
const x = { width: 1.25, depth: 1.33 };
const edge: Cs3 = { ...x, bottleRatio: 1.5, block: "edge" };

/** A row per architecture. */
export const variants: Readonly<Record<string, Row>> = {
  cspresnet50: resnet(kernel7, plain, { expandRatio: 2, bottleRatio: 0.5 }),
  cspresnet50d: resnet(deep, plain, { expandRatio: 2, bottleRatio: 0.5 }),
  cspresnet50w: resnet(deep, wide, { bottleRatio: 0.25, blockRatio: 0.5 }),
  cspresnext50: resnet(kernel7, wide, { groups: 32, blockRatio: 0.5 }),
  cspdarknet53: darknet([1, 2, 8, 8, 4], {
    expandRatio: [2, 1],
    bottleRatio: [0.5, 1],
    blockRatio: [1, 0.5],
    downGrowth: true,
  }),
  darknet17: darknet([1, 1, 1, 1, 1], dark),
  darknet21: darknet([1, 1, 1, 2, 2], dark),
  sedarknet21: darknet([1, 1, 1, 2, 2], { ...dark, attn: se() }, { defaultStages: [0, 1, 2, 3, 4] }),
  darknet53: darknet([1, 2, 8, 8, 4], dark),
  darknetaa53: darknet([1, 2, 8, 8, 4], { ...dark, avgDown: true }),
  cs3darknet_s: cs3(s),
  cs3darknet_m: cs3(m),
  cs3darknet_l: cs3(),
  cs3darknet_x: cs3(x),
  cs3darknet_focus_s: cs3({ ...s, focus: true }),
  cs3darknet_focus_m: cs3({ ...m, focus: true }),
  cs3darknet_focus_l: cs3({ focus: true }),
  cs3darknet_focus_x: cs3({ ...x, focus: true }),
  cs3sedarknet_l: cs3({ attn: se({ rd_ratio: 0.25 }) }),
  cs3sedarknet_x: cs3({ ...x, attn: se() }),
  cs3sedarknet_xdw: {
    act_layer: "silu",
    design: {
      stem: { channels: [32, 64], stride: 2 },
      stages: stagesOf([3, 6, 12, 4], wide, {
        groups: [1, 1, 256, 512],
        bottleRatio: 0.5,
        blockRatio: 0.5,
        attn: se(),
      }),
    },
  },
  cs3edgenet_x: cs3(edge),
  cs3se_edgenet_x: cs3({ ...edge, attn: se({ rd_ratio: 0.25 }) }),
};
