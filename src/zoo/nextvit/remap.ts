/**
 * Checkpoints of ByteDance's Next-ViT. timm gives their entries the model's names one by one in order; the same names
 * follow from theirs by rule, so that a file of another order or another depth is not mistaken.
 */
import { throughPlace } from "../remap/numbered-through.ts";
import type { Remap } from "../remap/remap.ts";
import { rename, renames } from "../remap/steps.ts";

export const remap = (depths: readonly number[]): Remap => ({
  layouts: [
    {
      name: "ByteDance Next-ViT",
      when: (file) => !file.has("head.fc.weight") && file.some(/^features\.\d+\.mhca\./),
      steps: [
        rename(/^features\.(\d+)\./, ([all = "", index]) => {
          const place = throughPlace(depths, Number(index));
          return place === undefined ? all : `stages.${place[0]}.blocks.${place[1]}.`;
        }),
        ...renames([/\.mlp\.conv([12])\./, ".mlp.fc$1."], [/^proj_head\.0\./, "head.fc."]),
      ],
    },
  ],
  tail: [],
});
