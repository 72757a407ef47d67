/** Checkpoints of Microsoft's FocalNet: what timm's filter of the family reads. */
import type { Remap } from "../remap/remap.ts";
import { rename, renames, reshapeToModel } from "../remap/steps.ts";
import type { FocalNetConfig } from "./focalnet.ts";

export const remap = ({ use_post_norm }: Pick<FocalNetConfig, "use_post_norm">): Remap => ({
  layouts: [
    {
      name: "Microsoft FocalNet",
      when: (file) => !file.has("stem.proj.weight") && file.has("patch_embed.proj.weight"),
      steps: [
        ...renames([/gamma_([0-9])/g, "ls$1.gamma"], [/patch_embed/, "stem"]),
        rename(/layers\.(\d+)\.downsample/, ([, stage]) => `layers.${Number(stage) + 1}.downsample`),
        ...(use_post_norm ? [rename(/(blocks\.\d+\.norm\d)\./, "$1_post.")] : []),
        ...renames([/ln\./, "norm."], [/head/, "head.fc"]),
        reshapeToModel(/./),
      ],
    },
  ],
  tail: [],
});
