/** Checkpoints of RegNet: torchvision's names, and those of SEER in VISSL. */
import type { Remap, Step } from "../remap/remap.ts";
import { drop, rename, renames, strip } from "../remap/steps.ts";

/** The parts of a block, whose parents are already named. */
const blockParts: readonly Step[] = renames(
  [/\.f\.a\.0/, ".conv1.conv"],
  [/\.f\.a\.1/, ".conv1.bn"],
  [/\.f\.b\.0/, ".conv2.conv"],
  [/\.f\.b\.1/, ".conv2.bn"],
  [/\.f\.final_bn/, ".conv3.bn"],
  [/\.f\.se\.excitation\.0/, ".se.fc1"],
  [/\.f\.se\.excitation\.2/, ".se.fc2"],
  [/\.f\.c\.0/, ".conv3.conv"],
  [/\.f\.c\.1/, ".conv3.bn"],
  [/\.f\.c/, ".conv3.conv"],
  [/\.proj\.0/, ".downsample.conv"],
  [/\.proj\.1/, ".downsample.bn"],
  [/\.proj/, ".downsample.conv"],
);

const blockName = (match: readonly string[]): string => `s${match[1]}.b${Number(match[2]) + 1}`;

export const remap: Remap = {
  layouts: [
    {
      name: "VISSL",
      when: (file) => file.some(/^classy_state_dict\.base_model\.model\.trunk\./),
      steps: [
        strip("classy_state_dict.base_model.model."),
        drop(/^heads\..*(?:projection_head|prototypes)/, "the projection head of the pretraining"),
        drop(/^(?!trunk\.|heads\.)/, "the state of the training"),
        ...renames(
          [/^trunk\._feature_blocks\.conv1\.stem\.0/, "stem.conv"],
          [/^trunk\._feature_blocks\.conv1\.stem\.1/, "stem.bn"],
        ),
        rename(/^trunk\._feature_blocks\.res\d\.block(\d)-(\d+)/, blockName),
        ...renames([/^(s\d\.b\d+)\.bn/, "$1.downsample.bn"]),
        ...blockParts,
        ...renames([/^heads\.0\.clf\.0/, "head.fc"]),
      ],
    },
    {
      name: "torchvision",
      when: (file) => file.has("stem.0.weight"),
      steps: [
        ...renames([/^stem\.0/, "stem.conv"], [/^stem\.1/, "stem.bn"]),
        rename(/^trunk_output\.block\d\.block(\d+)-(\d+)/, blockName),
        ...blockParts,
        ...renames([/^fc\./, "head.fc."]),
      ],
    },
  ],
  tail: [],
};
