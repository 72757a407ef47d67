/** Checkpoints of the authors' MambaOut: what timm's filter of the family reads. */
import type { Remap } from "../remap/remap.ts";
import { renames } from "../remap/steps.ts";

export const remap: Remap = {
  layouts: [
    {
      name: "MambaOut of its authors",
      when: (file) => !file.has("stem.conv1.weight") && file.some(/^downsample_layers\./),
      steps: renames(
        [/downsample_layers\.0\./, "stem."],
        [/stages\.([0-9]+)\.([0-9]+)/, "stages.$1.blocks.$2"],
        [/downsample_layers\.([0-9]+)/, "stages.$1.downsample"],
        [/^head\.fc1\./, "head.pre_logits.fc."],
        [/^head\.norm\./, "head.pre_logits.norm."],
        [/^head\.fc2\./, "head.fc."],
        [/^norm\./, "head.norm."],
      ),
    },
  ],
  tail: [],
};
