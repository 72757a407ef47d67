/** Checkpoints of CLIP's ResNets: what timm's filter of the family reads. */
import type { Remap } from "../remap/remap.ts";
import { drop, only, rename, renames } from "../remap/steps.ts";

const convolutions = ["", "conv1_1x1", "conv2_kxk", "conv3_1x1"];

export const remap: Remap = {
  layouts: [
    {
      name: "OpenAI CLIP",
      when: (file) => file.has("visual.conv1.weight"),
      steps: [
        only("visual."),
        ...renames([/^conv(\d)/, "stem.conv$1.conv"], [/^bn(\d)/, "stem.conv$1.bn"]),
        rename(
          /^layer(\d)\.(\d+)\.([a-z]+)([123])\./,
          ([, stage, block, kind, i]) => `stages.${Number(stage) - 1}.${block}.${convolutions[Number(i)]}.${kind}.`,
        ),
        rename(
          /^layer(\d)\.(\d+)\.downsample\.(\d)\./,
          ([, stage, block, i]) => `stages.${Number(stage) - 1}.${block}.shortcut.conv.${i === "0" ? "conv" : "bn"}.`,
        ),
        drop(/^attnpool\./, "the pooling by attention", (target) => !target.has("head.pos_embed")),
        ...renames(
          [/^attnpool\.positional_embedding$/, "head.pos_embed"],
          [/^attnpool\.([qkv])_proj\./, "head.$1."],
          [/^attnpool\.c_proj\./, "head.proj."],
        ),
      ],
    },
  ],
  tail: [],
};
