/** Checkpoints of FastViT and MobileCLIP: what timm's filter of the family reads. */
import { networkStage } from "../remap/network-stages.ts";
import type { Remap, Step } from "../remap/remap.ts";
import { only, projection, rename, renames } from "../remap/steps.ts";

const parts: Readonly<Record<string, string>> = { proj: "downsample.proj", pe: "pos_emb.pos_enc" };

const apple: readonly Step[] = [
  ...renames(
    [/patch_embed/g, "stem"],
    [/rbr_conv/g, "conv_kxk"],
    [/rbr_scale/g, "conv_scale"],
    [/rbr_skip/g, "identity"],
    [/conv_exp/g, "final_conv"],
    [/lkb_origin/g, "large_conv"],
    [/convffn/g, "mlp"],
    [/se\.reduce/g, "se.fc1"],
    [/se\.expand/g, "se.fc2"],
    [/layer_scale_(\d)/g, "layer_scale_$1.gamma"],
    [/layer_scale$/, "layer_scale.gamma"],
  ),
  projection(/^head\.proj$/, "head.fc"),
  rename(/^head\.(?!fc\.)/, "head.fc."),
  rename(/^network\.(\d+)(?:\.(proj|pe)(?=\.)|(?=\.))/, ([, i, part = ""], file) => {
    const stage = networkStage(file, Number(i));
    return `stages.${stage}.${parts[part] ?? "blocks"}`;
  }),
];

export const remap: Remap = {
  layouts: [
    {
      name: "OpenCLIP",
      when: (file) => file.has("visual.trunk.stem.0.conv_kxk.0.conv.weight"),
      steps: [only("visual.trunk.")],
    },
    {
      name: "Apple MobileCLIP",
      when: (file) => file.has("image_encoder.model.patch_embed.0.rbr_conv.0.conv.weight"),
      steps: [only("image_encoder.model."), ...apple],
    },
    {
      name: "Apple FastViT",
      when: (file) => !file.has("stem.0.conv_kxk.0.conv.weight") && file.some(/^patch_embed\.0\./),
      steps: apple,
    },
  ],
  tail: [],
};
