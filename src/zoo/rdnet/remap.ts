/** NAVER's checkpoints of RDNet (timm's checkpoint_filter_fn). */
import type { Remap } from "../remap/remap.ts";
import { renames } from "../remap/steps.ts";

export const remap: Remap = {
  layouts: [
    {
      name: "NAVER",
      when: (file) => !file.has("stem.0.weight") && file.some(/^stem\.stem\./),
      steps: renames([/stem\.stem\./, "stem."]),
    },
  ],
  tail: [],
};
