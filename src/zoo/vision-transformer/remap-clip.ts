/** OpenAI's CLIP under its own names, and what files of CLIP leave open. */
import type { Layout, Step } from "../remap/remap.ts";
import { addAxes, only, projection, renames } from "../remap/steps.ts";
import type { VitConfig } from "./config.ts";

/** OpenAI's CLIP, and the towers of OpenCLIP that are its own. */
const clipTower: readonly Step[] = [
  ...renames(
    [/^conv1\b/, "patch_embed.proj"],
    [/^positional_embedding$/, "pos_embed"],
    [/^class_embedding$/, "cls_token"],
    [/^transformer\.resblocks\./, "blocks."],
    [/\bln_pre\b/, "norm_pre"],
    [/\bln_post\b/, "norm"],
    [/\bln_(\d)/, "norm$1"],
    [/\bin_proj_/, "qkv."],
    [/\bout_proj\b/, "proj"],
    [/\bmlp\.c_fc\b/, "mlp.fc1"],
    [/\bmlp\.c_proj\b/, "mlp.fc2"],
  ),
  projection(/^proj$/, "head"),
  addAxes(/^cls_token$/, 2),
  addAxes(/^pos_embed$/, 1),
];

/**
 * OpenAI trained with x sigmoid(1.702 x), LAION and others with the exact GELU, and their files differ in no name and no
 * shape. Undefined for models that have OpenAI's.
 */
export function activationCaution(c: VitConfig): string | undefined {
  if (c.act_layer === "quick_gelu") return undefined;
  const ask = c.quickTwin === undefined ? "add --arg act_layer=quick_gelu" : `ask for ${c.quickTwin}`;
  return `the names of CLIP do not tell the activation: for weights of OpenAI, and copies of them, ${ask}`;
}

/** `caution`: of the model. */
export const clipLayout = (caution: string | undefined): Layout => ({
  name: "CLIP",
  when: (file) => file.has("visual.class_embedding"),
  caution,
  steps: [only("visual."), ...clipTower],
});
