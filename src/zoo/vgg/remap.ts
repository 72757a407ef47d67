/** Checkpoints of VGG: what timm's filter of the family reads. */
import type { Remap } from "../remap/remap.ts";
import { renames, reshapeToModel } from "../remap/steps.ts";

export const remap: Remap = {
  layouts: [
    {
      name: "torchvision",
      when: (file) => file.some(/^classifier\.[036]\./),
      steps: [
        ...renames(
          [/^classifier\.0\./, "pre_logits.fc1."],
          [/^classifier\.3\./, "pre_logits.fc2."],
          [/^classifier\.6\./, "head.fc."],
        ),
        /** The first two layers are convolutions here: a linear one takes the flattened map, channels first. */
        reshapeToModel(/^pre_logits\.fc[12]\.weight$/),
      ],
    },
  ],
  tail: [],
};
