/** Checkpoints of Facebook's XCiT: what timm's filter of the family reads. */
import type { Remap } from "../remap/remap.ts";
import { drop, rename, split } from "../remap/steps.ts";

export const remap = (): Remap => ({
  layouts: [],
  tail: [
    drop(
      /^pos_embed/,
      "position embeddings, which the model does not have",
      (target) => !target.has("pos_embed.token_projection.weight"),
    ),
    rename(/^pos_embeder\./, "pos_embed."),
    split(/^(cls_attn_blocks\.\d+\.attn)\.qkv\.(weight|bias)$/, ["$1.q.$2", "$1.k.$2", "$1.v.$2"]),
  ],
});
