import { commonArgs, globalPool } from "../family.ts";
import { type ConfigOf, dropRates, internal } from "../schema.ts";

/** A level halves the resolution in its first block; the other blocks see its output too. */
export interface Level {
  readonly mid: number;
  /** Channels that each block gives. */
  readonly outs: readonly number[];
}

export type HeadConv = readonly [out: number, kernel: number, stride: number];

export interface Design {
  readonly levels: readonly Level[];
  readonly head: readonly HeadConv[];
}

export const args = {
  ...commonArgs,
  drop_rate: dropRates.drop_rate,
  global_pool: globalPool(),
  design: internal<Design>({ levels: [], head: [] }),
};

export type SelecSlsConfig = ConfigOf<typeof args>;
