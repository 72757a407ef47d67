/** Checkpoints of Segment Anything 2: what timm's filter of the family reads, and Meta's whole models. */
import { untrainedHeadNorm } from "../remap/head-norm.ts";
import type { Remap } from "../remap/remap.ts";
import { only, renames } from "../remap/steps.ts";

const trunk = "image_encoder.trunk.";

export const remap: Remap = {
  layouts: [
    {
      name: "Segment Anything 2",
      own: true,
      when: (file) => file.has(`${trunk}patch_embed.proj.weight`),
      steps: [only(trunk), ...untrainedHeadNorm()],
    },
  ],
  tail: renames([/mlp\.layers\.0/, "mlp.fc1"], [/mlp\.layers\.1/, "mlp.fc2"]),
};
