/** Checkpoints of EfficientFormer's authors: what timm's filter of the family reads. */
import { networkStage } from "../remap/network-stages.ts";
import type { Remap } from "../remap/remap.ts";
import { rename, renames } from "../remap/steps.ts";

const parts: Readonly<Record<string, string>> = { proj: "downsample.conv", norm: "downsample.norm" };

export const remap: Remap = {
  layouts: [
    {
      name: "Snap EfficientFormer",
      when: (file) => file.some(/^patch_embed\.0\./) && file.some(/^network\./),
      steps: [
        ...renames(
          [/^patch_embed\.0\./, "stem.conv1."],
          [/^patch_embed\.1\./, "stem.norm1."],
          [/^patch_embed\.3\./, "stem.conv2."],
          [/^patch_embed\.4\./, "stem.norm2."],
          [/layer_scale_(\d)/, "ls$1.gamma"],
          [/dist_head/, "head_dist"],
        ),
        rename(/^network\.(\d+)\.(\d+|proj|norm)/, ([, i, part = ""], file) => {
          const stage = networkStage(file, Number(i));
          return `stages.${stage}.${parts[part] ?? `blocks.${part}`}`;
        }),
      ],
    },
  ],
  tail: [],
};
