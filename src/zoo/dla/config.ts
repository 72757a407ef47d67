import { commonArgs, globalPool } from "../family.ts";
import { type ConfigOf, bool, classOnly, dropRates, int, ints, oneOf } from "../schema.ts";

export type BlockKind = "basic" | "bottleneck" | "bottle2neck";

export const args = {
  ...commonArgs,
  drop_rate: dropRates.drop_rate,
  global_pool: globalPool(),
  levels: ints([1, 1, 1, 2, 2, 1], "depth of each level: convolutions of the first two, then of trees", {
    min: 1,
    max: 16,
    length: 6,
  }),
  channels: ints([16, 32, 64, 128, 256, 512], "channels of each level", { min: 1, length: 6 }),
  output_stride: oneOf([32], 32, "the stride of the last level"),
  cardinality: int(1, "groups of the 3x3 convolution of a bottleneck", { min: 1 }),
  base_width: int(64, "width of a bottleneck per 64 channels and group", { min: 1 }),
  block: classOnly<BlockKind>("bottle2neck", "the kind of block"),
  shortcut_root: bool(false, "aggregation nodes add their first input"),
};

export type DlaConfig = ConfigOf<typeof args>;
