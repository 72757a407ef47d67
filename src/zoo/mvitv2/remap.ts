/** Checkpoints of Facebook's MViTv2, and tables of relative positions at the model's size: what timm's filter does. */
import { throughPlace } from "../remap/numbered-through.ts";
import type { Remap } from "../remap/remap.ts";
import { change, rename } from "../remap/steps.ts";

export const remap = (depths: readonly number[], expands: boolean): Remap => ({
  layouts: [
    {
      name: "Facebook MViTv2",
      when: (file) => !file.has("stages.0.blocks.0.norm1.weight") && file.has("blocks.0.norm1.weight"),
      steps: [
        rename(/blocks\.(\d+)/, ([all = "", index]) => {
          const place = throughPlace(depths, Number(index));
          return place === undefined ? all : `stages.${place[0]}.blocks.${place[1]}`;
        }),
        rename(/(stages\.\d+\.blocks\.\d+)\.proj/, `$1.shortcut_proj_${expands ? "attn" : "mlp"}`),
        rename(/head\.projection/, "head.fc"),
      ],
    },
  ],
  tail: [
    change("resample the relative positions", /rel_pos_[hw]$/, (b, x, { target, name }) => {
      const rows = target.shape(name)?.[0];
      return rows === undefined || rows === x.type.shape[0]
        ? x
        : b.resize(x, { axes: [0], size: [rows], mode: "linear" });
    }),
  ],
});
