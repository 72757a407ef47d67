/** Checkpoints of Huawei's TNT: what timm's filter of the family reads. */
import type { Pair } from "../layers/conv.ts";
import type { Remap } from "../remap/remap.ts";
import { posEmbedToModel } from "../remap/resample.ts";
import { change, drop, extent, renames } from "../remap/steps.ts";

export const remap = (grid: Pair): Remap => ({
  layouts: [
    {
      name: "Huawei TNT",
      when: (file) => !file.has("patch_pos") && file.has("outer_pos"),
      steps: [
        ...renames(
          [/outer_pos/, "patch_pos"],
          [/inner_pos/, "pixel_pos"],
          [/patch_embed/, "pixel_embed"],
          [/proj_norm([12])/, "norm$1_proj"],
          [/inner_norm1/, "norm_in"],
          [/inner_attn/, "attn_in"],
          [/inner_norm2/, "norm_mlp_in"],
          [/inner_mlp/, "mlp_in"],
          [/outer_norm1/, "norm_out"],
          [/outer_attn/, "attn_out"],
          [/outer_norm2/, "norm_mlp"],
          [/outer_mlp/, "mlp"],
        ),
        change("reshape", /^pixel_pos$/, (b, x, { target, name }) => {
          const wanted = target.shape(name);
          if (wanted === undefined || x.type.shape.length !== 3) return x;
          const side = Math.floor(Math.sqrt(extent(x, 1)));
          const swapped = b.transpose(x, { perm: [0, 2, 1] });
          return b.reshape(swapped, { shape: [extent(x, 0), extent(x, 2), side, side] });
        }),
      ],
    },
  ],
  tail: [drop(/^outer_tokens$/, "tokens that no layer reads"), posEmbedToModel(/^patch_pos$/, grid, 1)],
});
