/** Checkpoints of DLA's authors, which timm loads non-strictly. */
import type { Remap } from "../remap/remap.ts";
import { drop } from "../remap/steps.ts";
import type { DlaConfig } from "./config.ts";

/** A tree has a projection in their code even where only its subtrees, which have their own, read the input. */
export const remap = ({ levels }: Pick<DlaConfig, "levels">): Remap => ({
  layouts: [],
  tail: levels.flatMap((depth, level) =>
    level < 2 || depth < 2
      ? []
      : [
          drop(
            new RegExp(`^level${level}(?:\\.tree[12]){0,${depth - 2}}\\.project\\.`),
            "projections that no layer reads",
          ),
        ],
  ),
});
