import { fixed } from "../fixed.ts";
import type { CrossVitConfig } from "./config.ts";

type Row = Partial<CrossVitConfig>;

/** Widths double from the small branch to the large one, which has `depth` blocks in each of three encoders. */
const row = (width: number, depth: number, heads: number, ratio: number): Row => ({
  img_scale: [1, 224 / 240],
  patch_size: [12, 16],
  embed_dim: [width, 2 * width],
  depth: [
    [1, depth, 0],
    [1, depth, 0],
    [1, depth, 0],
  ],
  num_heads: [heads, heads],
  mlp_ratio: [ratio, ratio, 1],
});

const nine = row(128, 3, 4, 3);
const fifteen = row(192, 5, 6, 3);
const eighteen = row(224, 6, 7, 3);
const dagger: Row = { multi_conv: true };
const at408: Row = { img_scale: [1, 384 / 408] };

export const variants: Readonly<Record<string, Row>> = {
  crossvit_tiny_240: row(96, 4, 3, 4),
  crossvit_small_240: row(192, 4, 6, 4),
  crossvit_base_240: row(384, 4, 12, 4),
  crossvit_9_240: nine,
  crossvit_15_240: fifteen,
  crossvit_18_240: fixed(eighteen),
  crossvit_9_dagger_240: { ...nine, ...dagger },
  crossvit_15_dagger_240: { ...fifteen, ...dagger },
  crossvit_15_dagger_408: { ...fifteen, ...dagger, ...at408 },
  crossvit_18_dagger_240: { ...eighteen, ...dagger },
  crossvit_18_dagger_408: { ...eighteen, ...dagger, ...at408 },
};
