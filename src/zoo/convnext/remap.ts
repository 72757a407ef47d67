/** Checkpoints of ConvNeXt: what timm's filter of the family reads, and three layouts of timmc's own. */
import { untrainedHeadNorm } from "../remap/head-norm.ts";
import type { FileKeys, Layout, Remap, Step } from "../remap/remap.ts";
import { drop, only, rename, renames, reshapeToModel, strip, withZeroBias } from "../remap/steps.ts";

/** Linear layers are 1x1 convolutions in models with conv_mlp; response norms are stored as [1, 1, 1, C] elsewhere. */
const mlpToModel: Step = reshapeToModel(/\.mlp\.(?:fc[12]\.weight|grn\.(?:weight|bias))$/);

const openClip: readonly Step[] = [
  withZeroBias(/^visual\.head\.proj\.weight$/, "visual.trunk.head.fc"),
  withZeroBias(/^visual\.head\.mlp\.fc2\.weight$/, "visual.trunk.head.fc"),
  rename(/^visual\.head\.mlp\.fc1\./, "visual.trunk.head.pre_logits.fc."),
  only("visual.trunk."),
];

/** ConvNeXt and ConvNeXt V2, DINOv3 and EUPE. */
const facebook: readonly Step[] = [
  drop(/^projectors\./, "the projectors of the distillation"),
  drop(/^norms\./, "norms of feature maps, the last of which is stored once more"),
  ...renames(
    [/^downsample_layers\.0\./, "stem."],
    [/^stages\.(\d+)\.(\d+)\./, "stages.$1.blocks.$2."],
    [/^downsample_layers\.(\d+)\.(\d+)\./, "stages.$1.downsample.$2."],
    [/\.dwconv\./, ".conv_dw."],
    [/\.pwconv([12])\./, ".mlp.fc$1."],
    [/\.grn\.beta$/, ".mlp.grn.bias"],
    [/\.grn\.gamma$/, ".mlp.grn.weight"],
    [/^head\./, "head.fc."],
    [/^norm\./, "head.norm."],
  ),
  mlpToModel,
];

/** The masked autoencoder of V2 trains no norm after the last stage. */
const maskedHeadNorm = untrainedHeadNorm("fcmae");

/** Whether a file of V2 has neither a classifier nor any norm before it. */
const isUntrained = (file: FileKeys): boolean => file.some(/\.grn\./) && !file.some(/^(?:head|norm|norm_pre)\./);

const huggingFace: readonly Step[] = [
  strip("convnext."),
  strip("convnextv2."),
  ...renames(
    [/^embeddings\.patch_embeddings\./, "stem.0."],
    [/^embeddings\.layernorm\./, "stem.1."],
    [/^encoder\.stages\.(\d+)\.downsampling_layer\./, "stages.$1.downsample."],
    [/^encoder\.stages\.(\d+)\.layers\./, "stages.$1.blocks."],
    [/\.dwconv\./, ".conv_dw."],
    [/\.layernorm\./, ".norm."],
    [/\.pwconv([12])\./, ".mlp.fc$1."],
    [/\.grn\./, ".mlp.grn."],
    [/\.layer_scale_parameter$/, ".gamma"],
    [/^layernorm\./, "head.norm."],
    [/^classifier\./, "head.fc."],
  ),
  mlpToModel,
];

const huggingFaceDinov3: readonly Step[] = [
  ...renames(
    [/^stages\.0\.downsample_layers\./, "stem."],
    [/^stages\.(\d+)\.downsample_layers\./, "stages.$1.downsample."],
    [/^stages\.(\d+)\.layers\./, "stages.$1.blocks."],
    [/\.depthwise_conv\./, ".conv_dw."],
    [/\.layer_norm\./, ".norm."],
    [/\.pointwise_conv([12])\./, ".mlp.fc$1."],
    [/^layer_norm\./, "head.norm."],
  ),
  mlpToModel,
];

/** `features` holds the stem, then stages at odd places with what is between them at even ones. */
const torchvision: readonly Step[] = [
  rename(/^features\.0\./, "stem."),
  rename(
    /^features\.(\d*[13579])\.(\d+)\./,
    ([, place, block]) => `stages.${(Number(place) - 1) / 2}.blocks.${block}.`,
  ),
  rename(/^features\.(\d+)\.(\d+)\./, ([, place, part]) => `stages.${Number(place) / 2}.downsample.${part}.`),
  ...renames(
    [/\.block\.0\./, ".conv_dw."],
    [/\.block\.2\./, ".norm."],
    [/\.block\.3\./, ".mlp.fc1."],
    [/\.block\.5\./, ".mlp.fc2."],
    [/\.layer_scale$/, ".gamma"],
    [/^classifier\.0\./, "head.norm."],
    [/^classifier\.2\./, "head.fc."],
  ),
  mlpToModel,
  reshapeToModel(/\.gamma$/),
];

const layouts: readonly Layout[] = [
  {
    name: "OpenCLIP around a timm network",
    when: (file) => file.has("visual.trunk.stem.0.weight"),
    steps: openClip,
  },
  {
    name: "Facebook ConvNeXt V2 before fine-tuning",
    when: (file) => file.some(/^downsample_layers\./) && isUntrained(file),
    steps: [...facebook, ...maskedHeadNorm],
  },
  { name: "Facebook ConvNeXt", when: (file) => file.some(/^downsample_layers\./), steps: facebook },
  {
    name: "timm ConvNeXt V2 before fine-tuning",
    when: (file) => file.has("stem.0.weight") && isUntrained(file),
    steps: [mlpToModel, ...maskedHeadNorm],
  },
  {
    name: "Hugging Face ConvNeXt",
    own: true,
    when: (file) => file.some(/^(?:convnext(?:v2)?\.)?encoder\.stages\.\d+\.layers\./),
    steps: huggingFace,
  },
  {
    name: "Hugging Face DINOv3 ConvNeXt",
    own: true,
    when: (file) => file.some(/^stages\.\d+\.layers\.\d+\.depthwise_conv\./),
    steps: huggingFaceDinov3,
  },
  {
    name: "torchvision ConvNeXt",
    own: true,
    when: (file) => file.some(/^features\.\d+\.\d+\.block\./),
    steps: torchvision,
  },
];

export const remap: Remap = { layouts, tail: [] };
