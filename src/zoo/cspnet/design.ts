import type { AttnKwargs } from "../layers/attn-layer.ts";
import type { AttnLayer } from "../layers/channel-attention.ts";

/** Convolutions of the stem, of which the first has a stride of 2 where the stem has any, and the last where it has 4. */
export interface StemDesign {
  readonly channels: readonly number[];
  readonly kernel?: number;
  readonly stride: 1 | 2 | 4;
  /** Of the first convolution; timm's symmetric one without it. */
  readonly padding?: number;
  /** A max pool takes the last stride of 2. */
  readonly pool?: boolean;
}

type StageKind = "csp" | "cs3" | "dark";
export type BlockKind = "bottle" | "dark" | "edge";

export interface StageDesign {
  readonly depth: number;
  readonly out: number;
  readonly stride: number;
  readonly groups: number;
  readonly blockRatio: number;
  readonly bottleRatio: number;
  readonly expandRatio: number;
  readonly avgDown: boolean;
  /** No activation after the expansion. */
  readonly crossLinear: boolean;
  /** The strided convolution already has the stage's channels. */
  readonly downGrowth: boolean;
  readonly attn: { readonly name: AttnLayer; readonly kwargs: AttnKwargs } | undefined;
  readonly stage: StageKind;
  readonly block: BlockKind;
}

export interface Design {
  /** timm knows a network with as many stages as a Darknet by its name alone: it returns the first five of others. */
  readonly defaultStages?: readonly number[];
  readonly stem: StemDesign;
  readonly stages: readonly StageDesign[];
}

type Listed<T> = { readonly [K in keyof T]?: T[K] | readonly T[K][] };

const defaults: Omit<StageDesign, "depth" | "out"> = {
  stride: 2,
  groups: 1,
  blockRatio: 1,
  bottleRatio: 1,
  expandRatio: 1,
  avgDown: false,
  crossLinear: false,
  downGrowth: false,
  attn: undefined,
  stage: "csp",
  block: "bottle",
};

/** Stages of these depths and channels; every other value is one for all, or a list whose last value goes on. */
export const stagesOf = (
  depths: readonly number[],
  channels: readonly number[],
  values: Listed<Omit<StageDesign, "depth" | "out">>,
): StageDesign[] =>
  depths.map((depth, i) => {
    const at = Object.entries(values).map(([name, v]) => [name, Array.isArray(v) ? v[Math.min(i, v.length - 1)] : v]);
    return { ...defaults, ...(Object.fromEntries(at) as Partial<StageDesign>), depth, out: channels[i] ?? 0 };
  });
