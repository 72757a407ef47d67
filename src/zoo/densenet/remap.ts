/** torchvision's older checkpoints of DenseNet: the layers of a dense layer had names of two parts. */
import type { Remap } from "../remap/remap.ts";
import { renames } from "../remap/steps.ts";

export const remap: Remap = {
  layouts: [
    {
      name: "torchvision",
      when: (file) => file.some(/denselayer\d+\.(?:norm|conv)\.[12]\./),
      steps: renames([/^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.)/, "$1$2"]),
    },
  ],
  tail: [],
};
