/** Checkpoints of Gemma 3n: what timm's filter of the family reads. */
import type { Remap } from "../remap/remap.ts";
import { only } from "../remap/steps.ts";

const prefix = "model.vision_tower.timm_model.";

export const remap: Remap = {
  layouts: [
    {
      name: "Hugging Face Gemma 3n",
      when: (file) => file.has(`${prefix}conv_stem.conv.weight`),
      steps: [only(prefix)],
    },
  ],
  tail: [],
};
