/** Checkpoints of hybrids: ViT's, Google's .npz files with a backbone, and MobileCLIP-B. */
import type { Layout, Remap, Step } from "../remap/remap.ts";
import { change, flaxKernel, only, projection, rename, renames, reshapeToModel } from "../remap/steps.ts";
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

const place = "patch_embed.backbone";

/**
 * Google's names of a Big Transfer backbone, whose norms have the shape of maps there; blocks and units are counted from 1.
 * `root` is where the model has its first convolution: a backbone of that alone has no stem within.
 */
const npzBackbone = (root: string): readonly Step[] => [
  flaxKernel(/^((?:block\d+\/unit\d+\/)?conv\w+)\/kernel$/, "$1/weight"),
  ...renames(
    [/^((?:block\d+\/unit\d+\/)?gn\w+)\/scale$/, "$1/weight"],
    [/^conv_root\//, `${root}.conv.`],
    [/^gn_root\//, `${root}.norm.`],
  ),
  rename(/^block(\d+)\/unit(\d+)\/(conv|gn)(\d|_proj)\//, ([, stage, block, layer, part = ""]) => {
    const kind = layer === "gn" ? "norm" : "conv";
    const unit = `${place}.stages.${Number(stage) - 1}.blocks.${Number(block) - 1}`;
    return `${unit}.${part === "_proj" ? `downsample.${kind}` : `${kind}${part}`}.`;
  }),
  reshapeToModel(/^patch_embed\.backbone\..*norm\d?\.(?:weight|bias)$/),
];

/** Positions are of the backbone's map. */
export function remap(c: HybridConfig): Remap {
  const { ratio, rounding } = reduced(c.backbone);
  const [h, w] = c.img_size.map((extent) => (rounding === "up" ? Math.ceil : Math.floor)(extent / ratio));
  const { layouts, tail } = vitRemap({ ...c, img_size: [h ?? 1, w ?? 1] });
  const { backbone } = c;
  const google = backbone.kind === "bit" ? npzBackbone(backbone.layers.length === 0 ? place : `${place}.stem`) : [];
  return { layouts: [mobileClip, ...layouts], tail: [...google, ...tail] };
}
