/** The names of Hugging Face transformers for ViT, DeiT, MAE, I-JEPA, MSN and DINOv2. */
import type { Layout, Step } from "../remap/remap.ts";
import { drop, merge, renames, strip } from "../remap/steps.ts";
import { dinov2 } from "./remap-dinov2.ts";

/** What all of these have in common. A network with a head keeps its encoder under its own name. */
const shared = (encoder: string): readonly Step[] => [
  strip(`${encoder}.`),
  drop(/^pooler\./, "the pooler, which no classifier reads"),
  ...renames(
    [/^embeddings\.cls_token$/, "cls_token"],
    [/^embeddings\.mask_token$/, "mask_token"],
    [/^embeddings\.position_embeddings$/, "pos_embed"],
    [/^embeddings\.patch_embeddings\.projection\./, "patch_embed.proj."],
    [/^encoder\.layer\.(\d+)\./, "blocks.$1."],
    [/^(blocks\.\d+)\.attention\.output\.dense\./, "$1.attn.proj."],
    [/^layernorm\./, "norm."],
    [/^classifier\./, "head."],
  ),
  merge(
    /^(blocks\.\d+)\.attention\.attention\.query\.(weight|bias)$/,
    ["$1.attention.attention.key.$2", "$1.attention.attention.value.$2"],
    "$1.attn.qkv.$2",
  ),
];

const vit: readonly Step[] = [
  drop(/^decoder\./, "the decoder of the pretraining"),
  drop(/^mask_token$/, "the masked token of the pretraining"),
  ...renames(
    [/^embeddings\.distillation_token$/, "dist_token"],
    [/^(blocks\.\d+)\.layernorm_before\./, "$1.norm1."],
    [/^(blocks\.\d+)\.layernorm_after\./, "$1.norm2."],
    [/^(blocks\.\d+)\.intermediate\.dense\./, "$1.mlp.fc1."],
    [/^(blocks\.\d+)\.output\.dense\./, "$1.mlp.fc2."],
    [/^cls_classifier\./, "head."],
    [/^distillation_classifier\./, "head_dist."],
  ),
];

/** LayerScale, and the gated MLP of the giant; a classifier reads two tokens, for which timm's has no place. */
const dino: readonly Step[] = [
  ...renames(
    [/^embeddings\.register_tokens$/, "register_tokens"],
    [/^(blocks\.\d+)\.layer_scale(\d)\.lambda1$/, "$1.ls$2.gamma"],
    [/^(blocks\.\d+\.mlp)\.weights_in\./, "$1.w12."],
    [/^(blocks\.\d+\.mlp)\.weights_out\./, "$1.w3."],
  ),
  ...dinov2,
];

interface Encoder {
  readonly name: string;
  /** The encoder's prefix where there is a head; files of the encoder alone have none. */
  readonly prefix: string;
  /** What tells it from the others. */
  readonly marks: readonly string[];
  readonly steps: readonly Step[];
}

const sharedMarks = [
  "embeddings.patch_embeddings.projection.weight",
  "encoder.layer.0.attention.attention.query.weight",
];

const layoutOf = ({ name, prefix, marks, steps }: Encoder): Layout => ({
  name: `Hugging Face ${name}`,
  own: true,
  when: (file) => ["", `${prefix}.`].some((p) => [...sharedMarks, ...marks].every((mark) => file.has(`${p}${mark}`))),
  steps: [...shared(prefix), ...steps],
});

const [before, norm1] = ["encoder.layer.0.layernorm_before.weight", "encoder.layer.0.norm1.weight"];

/** In this order: a later one's marks may be among an earlier one's. MAE and MSN keep their encoder under `vit` as well. */
const encoders: readonly Encoder[] = [
  { name: "DeiT", prefix: "deit", marks: [before, "embeddings.distillation_token"], steps: vit },
  { name: "ViT", prefix: "vit", marks: [before, "embeddings.cls_token"], steps: vit },
  { name: "I-JEPA", prefix: "ijepa", marks: [before], steps: vit },
  {
    name: "DINOv2 with registers",
    prefix: "dinov2_with_registers",
    marks: [norm1, "embeddings.register_tokens"],
    steps: dino,
  },
  { name: "DINOv2", prefix: "dinov2", marks: [norm1], steps: dino },
];

export const transformersLayouts: readonly Layout[] = encoders.map(layoutOf);
