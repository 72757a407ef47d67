/** Checkpoints of CPUBone's authors: what timm's filter of the family reads. */
import type { Compute, Remap } from "../remap/remap.ts";
import { defined, renames } from "../remap/steps.ts";

/** A bias before a norm, which the network lacks, is taken off the norm's mean. */
const biasIntoMean = (conv: string): Compute => ({
  kind: "compute",
  law: "bias into the norm's mean",
  from: /^(.*\.(?:inverted_conv|depth_conv))\.norm\.running_mean$/,
  with: [`$1.${conv}.bias`],
  to: ["$1.norm.running_mean"],
  make: (b, [mean, bias]) => [b.sub(defined(mean), defined(bias))],
});

export const remap = (allNorms: boolean): Remap => ({
  layouts: [
    {
      name: "CPUBone",
      when: (file) => !file.has("stem.0.conv.weight") && file.some(/^backbone\.input_stem\./),
      steps: [
        ...renames(
          [/\.conv_proj\.0\./, ".conv_proj.conv."],
          [/\.conv_proj\.1\./, ".conv_proj.norm."],
          [/\.pwise\.0\./, ".pwise."],
          [/head\.op_list\.0\./, "head.in_conv."],
          [/head\.op_list\.2\./, "head.pre_classifier."],
          [/head\.op_list\.3\./, "head.classifier."],
          [/backbone\.input_stem\./, "stem."],
          [/backbone\.stages\./, "stages."],
          [/\.op_list\./g, "."],
        ),
        ...(allNorms ? [biasIntoMean("conv"), biasIntoMean("conv.1")] : []),
      ],
    },
  ],
  tail: [],
});
