import type { ResNestConfig } from "./config.ts";

type Row = Partial<ResNestConfig>;

const split = { radix: 2, avd: true, avd_first: false };

const deep = (layers: readonly number[], stem_width: number, rest: Row = {}): Row => ({
  layers,
  stem_type: "deep",
  stem_width,
  avg_down: true,
  base_width: 64,
  cardinality: 1,
  block_args: split,
  ...rest,
});

/** A row per architecture; `4s2x40d` are radix, cardinality and width (table 3 of the paper). */
export const variants: Readonly<Record<string, Row>> = {
  resnest14d: deep([1, 1, 1, 1], 32),
  resnest26d: deep([2, 2, 2, 2], 32),
  resnest50d: deep([3, 4, 6, 3], 32),
  resnest101e: deep([3, 4, 23, 3], 64),
  resnest200e: deep([3, 24, 36, 3], 64),
  resnest269e: deep([3, 30, 48, 8], 64),
  resnest50d_4s2x40d: deep([3, 4, 6, 3], 32, {
    base_width: 40,
    cardinality: 2,
    block_args: { radix: 4, avd: true, avd_first: true },
  }),
  resnest50d_1s4x24d: deep([3, 4, 6, 3], 32, {
    base_width: 24,
    cardinality: 4,
    block_args: { radix: 1, avd: true, avd_first: true },
  }),
};
