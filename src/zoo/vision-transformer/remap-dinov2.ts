/** Checkpoints of DINO, DINOv2, TIPSv2 and MAE: pretraining leaves a masked token and heads beside the encoder. */
import { defined, drop, extent, only, rename, renames } from "../remap/steps.ts";
import type { Layout, Step } from "../remap/remap.ts";

const maskedToken = drop(/^mask_token$/, "the masked token of the pretraining");

/** With registers, timm's model adds positions to the patches alone: the class token's is added to the token itself. */
export const dinov2: readonly Step[] = [
  maskedToken,
  {
    kind: "compute",
    law: "add the position of the class token",
    from: /^cls_token$/,
    with: ["pos_embed", "register_tokens"],
    to: ["cls_token", "pos_embed", "reg_token"],
    make: (b, [cls, positions, registers]) => {
      const table = defined(positions);
      const first = b.slice(table, { axis: 1, range: [0, 1] });
      const rest = b.slice(table, { axis: 1, range: [1, extent(table, 1)] });
      return [b.add(defined(cls), first), rest, defined(registers)];
    },
  },
  ...renames([/^(blocks\.\d+\.mlp)\.w12\./, "$1.fc1."], [/^(blocks\.\d+\.mlp)\.w3\./, "$1.fc2."]),
];

/** A masked autoencoder has a masked token too, but its decoder tells it apart; timm refuses the decoder's entries. */
export const mae: Layout = {
  name: "MAE with its decoder",
  own: true,
  when: (file) => file.has("decoder_embed.weight") && file.has("mask_token"),
  steps: [maskedToken, drop(/^decoder_/, "the decoder of the pretraining")],
};

export const dinov2Layouts: readonly Layout[] = [
  { name: "DINOv2", when: (file) => file.has("mask_token"), steps: dinov2 },
  {
    name: "TIPSv2",
    when: (file) => file.has("vision_encoder.mask_token"),
    steps: [only("vision_encoder."), ...dinov2],
  },
];

/** The averaged network of a training; DINOv2's trainings number their blocks within chunks. */
export const teacher: Layout = {
  name: "the teacher of DINO",
  own: true,
  when: (file) => file.has("teacher.backbone.cls_token"),
  steps: [only("teacher.backbone."), rename(/^blocks\.\d+\.(\d+)\./, "blocks.$1."), ...dinov2],
};
