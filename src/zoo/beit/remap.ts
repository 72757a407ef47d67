/** Checkpoints of BEiT at the model's size: what timm's filter of the family does. */
import type { Pair } from "../layers/conv.ts";
import { relativeBiasToModel } from "../remap/relative-bias.ts";
import type { Remap } from "../remap/remap.ts";
import { patchKernelToModel, posEmbedToModel } from "../remap/resample.ts";
import { drop } from "../remap/steps.ts";
import type { BeitConfig } from "./config.ts";

/** Rows and columns of patches. */
export const grid = ({ img_size: [h, w], patch_size: [ph, pw] }: Pick<BeitConfig, "img_size" | "patch_size">): Pair => [
  Math.floor(h / ph),
  Math.floor(w / pw),
];

export const remap = (c: BeitConfig): Remap => ({
  layouts: [],
  tail: [
    drop(/relative_position_index/, "a table that follows from the window"),
    patchKernelToModel(/patch_embed\.proj\.weight$/),
    posEmbedToModel(/^pos_embed$/, grid(c), 1),
    relativeBiasToModel(/relative_position_bias_table$/, () => grid(c)),
  ],
});
