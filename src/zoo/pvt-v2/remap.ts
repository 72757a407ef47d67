/** Checkpoints of the authors' PVT v2: what timm's filter of the family reads. */
import type { Remap } from "../remap/remap.ts";
import { rename, renames } from "../remap/steps.ts";

export const remap: Remap = {
  layouts: [
    {
      name: "PVT v2 of its authors",
      when: (file) => !file.has("patch_embed.proj.weight") && file.has("patch_embed1.proj.weight"),
      steps: [
        ...renames(
          [/^patch_embed1/, "patch_embed"],
          [/^patch_embed2/, "stages.1.downsample"],
          [/^patch_embed3/, "stages.2.downsample"],
          [/^patch_embed4/, "stages.3.downsample"],
          [/dwconv\.dwconv/, "dwconv"],
        ),
        rename(/block(\d+)\.(\d+)/, ([, stage, block]) => `stages.${Number(stage) - 1}.blocks.${block}`),
        rename(/^norm(\d+)/, ([, stage]) => `stages.${Number(stage) - 1}.norm`),
      ],
    },
  ],
  tail: [],
};
