/** Checkpoints of hybrids: ViT's, and MobileCLIP-B. */
import type { Layout, Remap } from "../remap/remap.ts";
import { change, only, projection, renames } from "../remap/steps.ts";
import { remap as vitRemap } from "../vision-transformer/remap.ts";
import { reduced } from "./backbone.ts";
import type { HybridConfig } from "./vision-transformer-hybrid.ts";

const mobileClip: Layout = {
  name: "MobileCLIP",
  when: (file) => file.has("image_encoder.model.patch_emb.0.block.conv.weight"),
  steps: [
    only("image_encoder.model."),
    ...renames(
      [/patch_emb\./, "patch_embed.backbone."],
      [/block\.conv/, "conv"],
      [/block\.norm/, "bn"],
      [/post_transformer_norm\./, "norm."],
      [/pre_norm_mha\.0/, "norm1"],
      [/pre_norm_mha\.1/, "attn"],
      [/pre_norm_ffn\.0/, "norm2"],
      [/pre_norm_ffn\.1/, "mlp.fc1"],
      [/pre_norm_ffn\.4/, "mlp.fc2"],
      [/qkv_proj\./, "qkv."],
      [/out_proj\./, "proj."],
      [/transformer\./, "blocks."],
    ),
    change(
      "reshape",
      /^pos_embed\.pos_embed\.pos_embed$/,
      (b, x) => b.reshape(x, { shape: x.type.shape.slice(1) }),
      "pos_embed",
    ),
    projection(/^classifier\.proj$/, "head"),
  ],
};

/** Positions are of the backbone's map. */
export function remap(c: HybridConfig): Remap {
  const { ratio, rounding } = reduced(c.backbone);
  const [h, w] = c.img_size.map((extent) => (rounding === "up" ? Math.ceil : Math.floor)(extent / ratio));
  const { layouts, tail } = vitRemap({ ...c, img_size: [h ?? 1, w ?? 1] });
  return { layouts: [mobileClip, ...layouts], tail };
}
