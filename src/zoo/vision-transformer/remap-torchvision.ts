/** torchvision's VisionTransformer; its older files name the layers of an MLP otherwise. */
import type { Layout } from "../remap/remap.ts";
import { renames } from "../remap/steps.ts";

export const torchvision: Layout = {
  name: "torchvision",
  own: true,
  when: (file) => file.has("conv_proj.weight") && file.has("class_token"),
  steps: renames(
    [/^class_token$/, "cls_token"],
    [/^conv_proj\./, "patch_embed.proj."],
    [/^encoder\.pos_embedding$/, "pos_embed"],
    [/^encoder\.layers\.encoder_layer_(\d+)\./, "blocks.$1."],
    [/^encoder\.ln\./, "norm."],
    [/^(blocks\.\d+)\.ln_(\d)\./, "$1.norm$2."],
    [/^(blocks\.\d+)\.self_attention\.in_proj_/, "$1.attn.qkv."],
    [/^(blocks\.\d+)\.self_attention\.out_proj\./, "$1.attn.proj."],
    [/^(blocks\.\d+\.mlp)\.(?:0|linear_1)\./, "$1.fc1."],
    [/^(blocks\.\d+\.mlp)\.(?:3|linear_2)\./, "$1.fc2."],
    [/^heads\.head\./, "head."],
  ),
};
