/** Checkpoints of Sequencer's authors, which timm's filter of the family reads. */
import type { Remap } from "../remap/remap.ts";
import { rename } from "../remap/steps.ts";

export const remap: Remap = {
  layouts: [
    {
      name: "Sequencer of its authors",
      when: (file) => file.some(/^blocks\.\d+\.\d+\./),
      steps: [
        // The convolution between two stages is the last entry of the first one's list there.
        rename(/^blocks\.(\d+)\.\d+\.down\./, ([, stage]) => `stages.${Number(stage) + 1}.downsample.down.`),
        rename(/^blocks\.(\d+)\.(\d+)\./, "stages.$1.blocks.$2."),
        rename(/^head\./, "head.fc."),
      ],
    },
  ],
  tail: [],
};
