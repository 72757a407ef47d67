import { z } from "zod";
import type { Tile } from "../backends/kernel/table.ts";
import { largest } from "../backends/kernel/tune.ts";

const power = (most: number) =>
  z
    .int()
    .min(1)
    .max(most)
    .refine((n) => Math.log2(n) % 1 === 0, "must be a power of two");

/** How a kernel is cut, as files say it. */
export const tileSchema = z.strictObject({
  columns: power(largest.columns),
  columnThreads: power(largest.columnThreads),
  rows: power(largest.rows),
  rowThreads: power(largest.rowThreads),
  split: power(largest.split),
  unroll: z.int().min(0).max(largest.unroll),
  depth: power(largest.depth),
  stages: z.int().min(0).max(largest.stages),
}) satisfies z.ZodType<Tile>;

/** Tiles by the shapes that they are for. */
export const tilesSchema = z.record(z.string().min(1).max(1000), tileSchema);
