import { commonArgs, globalPool } from "../family.ts";
import { type ConfigOf, bool, dropRates, ints, number } from "../schema.ts";

export const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool("fast"),
  layers: ints([3, 4, 11, 3], "blocks of each stage", { min: 1, length: 4 }),
  width_factor: number(1, "multiplies the channels of every layer", { min: 0.02 }),
  v2: bool(false, "bottlenecks in the first two stages as well, widths that are multiples of 8"),
};

export type TResNetConfig = ConfigOf<typeof args>;
