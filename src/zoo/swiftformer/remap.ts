/** Checkpoints of SwiftFormer's authors: what timm's filter of the family reads. */
import type { Remap } from "../remap/remap.ts";
import { rename, renames } from "../remap/steps.ts";

export const remap: Remap = {
  layouts: [
    {
      name: "SwiftFormer",
      when: (file) => !file.has("stem.0.weight") && file.some(/^patch_embed\./),
      steps: [
        ...renames(
          [/patch_embed\./, "stem."],
          [/dist_head\./, "head_dist."],
          [/attn\.Proj\./, "attn.proj."],
          [/\.layer_scale_([12])/, ".layer_scale_$1.gamma"],
          [/\.layer_scale(?=$|\.)/, ".layer_scale.gamma"],
        ),
        /** Stages at even places, the convolutions between them at odd ones. */
        rename(/^network\.(\d+)\./, ([, i]) => {
          const place = Number(i);
          const stage = Math.ceil(place / 2);
          return `stages.${stage}.${place % 2 === 0 ? "blocks" : "downsample"}.`;
        }),
      ],
    },
  ],
  tail: [],
};
