import { fixed } from "../fixed.ts";
import type { RexNetConfig } from "./config.ts";

/** A row per architecture; `r` are timm's own with widths that are multiples of 8 or 16. */
export const variants: Readonly<Record<string, Partial<RexNetConfig>>> = {
  rexnet_100: {},
  rexnet_130: fixed({ width_mult: 1.3 }),
  rexnet_150: fixed({ width_mult: 1.5 }),
  rexnet_200: fixed({ width_mult: 2 }),
  rexnet_300: fixed({ width_mult: 3 }),
  rexnetr_100: fixed({ ch_div: 8 }),
  rexnetr_130: fixed({ width_mult: 1.3, ch_div: 8 }),
  rexnetr_150: fixed({ width_mult: 1.5, ch_div: 8 }),
  rexnetr_200: fixed({ width_mult: 2, ch_div: 8 }),
  rexnetr_300: fixed({ width_mult: 3, ch_div: 16 }),
};
