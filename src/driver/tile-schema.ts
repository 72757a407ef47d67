import { z } from "zod";
import type { Tile } from "../backends/kernel/table.ts";

/** The most of any number of a tile: no device has workgroups of more threads. */
const most = 256;
const power = z
  .int()
  .min(1)
  .max(most)
  .refine((n) => Math.log2(n) % 1 === 0, "must be a power of two");

/** How a kernel is cut, as files say it. */
export const tileSchema = z.strictObject({
  columns: power,
  columnThreads: power,
  rows: power,
  rowThreads: power,
  split: power,
  unroll: z.int().min(0).max(3),
  depth: power,
  stages: z.int().min(0).max(1),
}) satisfies z.ZodType<Tile>;

/** Tiles by the shapes that they are for. */
export const tilesSchema = z.record(z.string().min(1).max(1000), tileSchema);
