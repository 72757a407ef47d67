/** Checkpoints of EdgeNeXt's authors: what timm's filter of the family reads. */
import type { Remap } from "../remap/remap.ts";
import { renames, reshapeToModel } from "../remap/steps.ts";

export const remap: Remap = {
  layouts: [
    {
      name: "EdgeNeXt",
      when: (file) =>
        !file.has("head.norm.weight") && !file.has("norm_pre.weight") && file.some(/^downsample_layers\./),
      steps: [
        ...renames(
          [/downsample_layers\.0\./, "stem."],
          [/stages\.(\d)\.(\d+)/, "stages.$1.blocks.$2"],
          [/downsample_layers\.(\d)\.(\d)/, "stages.$1.downsample.$2"],
          [/dwconv/, "conv_dw"],
          [/pwconv/, "mlp.fc"],
          [/^head\./, "head.fc."],
          [/^norm\./, "head.norm."],
        ),
        /** Pointwise layers are linear ones in some files and convolutions in others. */
        reshapeToModel(/^(?!head\.).*\.weight$/),
      ],
    },
  ],
  tail: [],
};
