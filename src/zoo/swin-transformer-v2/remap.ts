/** Checkpoints of Microsoft's Swin V2: what timm's filter of the family reads. */
import type { FileKeys, Remap } from "../remap/remap.ts";
import { patchKernelToModel } from "../remap/resample.ts";
import { drop, rename } from "../remap/steps.ts";

/** timm asks for `head.fc.weight` alone, and so takes its own files without a classifier for these. */
const isMicrosoft = (file: FileKeys): boolean =>
  file.some(/^layers\.\d+\.blocks\.\d+\.attn\.cpb_mlp\./) &&
  !file.has("head.fc.weight") &&
  (file.has("head.weight") || file.some(/^layers\.0\.downsample\./));

export const remap: Remap = {
  layouts: [
    {
      name: "Microsoft Swin V2",
      when: isMicrosoft,
      steps: [
        rename(/layers\.(\d+)\.downsample/, ([, stage]) => `layers.${Number(stage) + 1}.downsample`),
        rename(/head\./, "head.fc."),
      ],
    },
  ],
  tail: [
    drop(/relative_position_index|relative_coords_table|attn_mask/, "a table that follows from the window"),
    patchKernelToModel(/patch_embed\.proj\.weight$/),
  ],
};
