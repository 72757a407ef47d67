/** Checkpoints of Facebook's ResMLP, which timm's filter of the family reads. */
import type { Remap } from "../remap/remap.ts";
import { change, renames } from "../remap/steps.ts";

export const remap: Remap = {
  layouts: [
    {
      name: "Facebook ResMLP",
      when: (file) => file.has("patch_embed.proj.weight"),
      steps: [
        ...renames(
          [/patch_embed\./g, "stem."],
          [/attn\./g, "linear_tokens."],
          [/mlp\./g, "mlp_channels."],
          [/gamma_/g, "ls"],
        ),
        change("reshape", /\.(?:alpha|beta)$/, (b, x) => b.reshape(x, { shape: [1, 1, ...x.type.shape.slice(-1)] })),
      ],
    },
  ],
  tail: [],
};
