import type { DlaConfig } from "./config.ts";

type Row = Partial<DlaConfig>;

const compact = [16, 32, 64, 64, 128, 256];
const wide = [16, 32, 128, 256, 512, 1024];
const d46 = [1, 1, 1, 2, 2, 1];
const d60 = [1, 1, 1, 2, 3, 1];
const d102: Row = { levels: [1, 1, 1, 3, 4, 1], channels: wide, block: "bottleneck", shortcut_root: true };
const groups32: Row = { cardinality: 32, base_width: 4 };

/** A row per architecture: table 1 of the paper, and two with the blocks of Res2Net. */
export const variants: Readonly<Record<string, Row>> = {
  dla60_res2net: { levels: d60, channels: wide, block: "bottle2neck", cardinality: 1, base_width: 28 },
  dla60_res2next: { levels: d60, channels: wide, block: "bottle2neck", cardinality: 8, base_width: 4 },
  dla34: { levels: d46, channels: [16, 32, 64, 128, 256, 512], block: "basic" },
  dla46_c: { levels: d46, channels: compact, block: "bottleneck" },
  dla46x_c: { levels: d46, channels: compact, block: "bottleneck", ...groups32 },
  dla60x_c: { levels: d60, channels: compact, block: "bottleneck", ...groups32 },
  dla60: { levels: d60, channels: wide, block: "bottleneck" },
  dla60x: { levels: d60, channels: wide, block: "bottleneck", ...groups32 },
  dla102: d102,
  dla102x: { ...d102, ...groups32 },
  dla102x2: { ...d102, cardinality: 64, base_width: 4 },
  dla169: { levels: [1, 1, 2, 3, 5, 1], channels: wide, block: "bottleneck", shortcut_root: true },
};
