/** Checkpoints of CSATv2's authors: what timm's filter of the family reads. */
import type { Remap } from "../remap/remap.ts";
import { rename, renames, reshapeToModel } from "../remap/steps.ts";

/** The strided convolution behind each of the first stages: its place there. */
const strided: Readonly<Record<number, number>> = { 1: 3, 2: 3, 3: 9 };

export const remap: Remap = {
  layouts: [
    {
      name: "CSATv2",
      when: (file) => !file.has("stages.0.0.grn.weight") && file.some(/^stages[1-4]\./),
      steps: [
        ...renames(
          [/^dct\./, "stem_dct."],
          [/\.Y_Conv\./, ".conv_y."],
          [/\.Cb_Conv\./, ".conv_cb."],
          [/\.Cr_Conv\./, ".conv_cr."],
        ),
        rename(/^stages([1-4])\.(\d+)\./, ([, of, at]) => {
          const [stage, place] = [Number(of), Number(at)];
          if (strided[stage] === place) return `stages.${stage}.0.`;
          return stage === 1 ? `stages.0.${place}.` : `stages.${stage - 1}.${place + 1}.`;
        }),
        ...renames(
          [/grn\.gamma/, "grn.weight"],
          [/grn\.beta/, "grn.bias"],
          [/\.ff\.net\.0\./, ".mlp.fc1."],
          [/\.ff\.net\.3\./, ".mlp.fc2."],
          [/\.ff_norm\./, ".norm2."],
          [/\.attn_norm\./, ".norm1."],
          [/\.attention\.attention\.attn\.to_qkv\./, ".attn.attn.qkv."],
          [/\.attention\.attention\.attn\./, ".attn.attn."],
          [/\.attention\.attention\./, ".attn.attn."],
          [/\.attention\./, ".attn."],
          [/\.attn\.to_qkv\./, ".attn.qkv."],
          [/\.attn\.to_out\.0\./, ".attn.proj."],
          [/^((?:(?!\.attn\.attn\.).)*)\.attn\.pos_embed\./, "$1.pos_embed."],
          [/^head\./, "head.fc."],
          [/^norm\./, "head.norm."],
        ),
        reshapeToModel(/^.*grn\.(?:weight|bias)$/),
      ],
    },
  ],
  tail: [],
};
