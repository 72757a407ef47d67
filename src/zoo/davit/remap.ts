/** Checkpoints of DaViT, and of Florence-2 around it: what timm's filter of the family reads. */
import { untrainedHeadNorm } from "../remap/head-norm.ts";
import type { Remap } from "../remap/remap.ts";
import { only, renames } from "../remap/steps.ts";

export const remap: Remap = {
  layouts: [
    {
      name: "Florence-2",
      when: (file) => file.has("vision_tower.convs.0.proj.weight"),
      steps: [
        only("vision_tower."),
        ...renames(
          [/convs\.([0-9]+)/, "stages.$1.downsample"],
          [/blocks\.([0-9]+)/, "stages.$1.blocks"],
          [/downsample\.proj/, "downsample.conv"],
          [/stages\.0\.downsample/, "stem"],
          [/(?:window|channel)_attn\.norm\./, "norm1."],
          [/(?:window|channel)_attn\.fn\./, "attn."],
          [/ffn\.norm\./, "norm2."],
          [/ffn\.fn\.net\./, "mlp."],
          [/conv([12])\.fn\.dw/, "cpe$1.proj"],
        ),
        ...untrainedHeadNorm("msft_florence2"),
      ],
    },
    {
      name: "DaViT of its authors",
      when: (file) => !file.has("head.fc.weight") && file.some(/^(?:patch_embeds|main_blocks)\./),
      steps: renames(
        [/patch_embeds\.([0-9]+)/, "stages.$1.downsample"],
        [/main_blocks\.([0-9]+)/, "stages.$1.blocks"],
        [/downsample\.proj/, "downsample.conv"],
        [/stages\.0\.downsample/, "stem"],
        [/head\./, "head.fc."],
        [/norms\./, "head.norm."],
        [/cpe\.0/, "cpe1"],
        [/cpe\.1/, "cpe2"],
      ),
    },
  ],
  tail: [],
};
