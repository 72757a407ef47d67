/** Checkpoints of Swin Transformers: what timm's filter of the family reads, and two layouts of timmc's own. */
import type { FileKeys, Layout, Remap, Rename, Step } from "../remap/remap.ts";
import { relativeBiasToModel } from "../remap/relative-bias.ts";
import { patchKernelToModel } from "../remap/resample.ts";
import { drop, merge, rename, renames, strip } from "../remap/steps.ts";
import type { SwinConfig } from "./config.ts";
import { resolution, windowAndShift, windows } from "./windows.ts";

/** Patches are merged at the end of a stage in the paper's code, at the start of the next one here. */
const mergingAtTheStart: Rename = rename(
  /^layers\.(\d+)\.downsample\./,
  ([, stage]) => `layers.${Number(stage) + 1}.downsample.`,
);

/** timm asks for `head.fc.weight` alone, and so takes its own files without a classifier for these. */
const isMicrosoft = (file: FileKeys): boolean =>
  file.some(/^layers\.\d+\.blocks\./) &&
  !file.has("head.fc.weight") &&
  (file.has("head.weight") || file.some(/^layers\.0\.downsample\./));

const huggingFace: readonly Step[] = [
  strip("swin."),
  drop(/^embeddings\.mask_token$/, "the masked token of the pretraining"),
  drop(/^decoder\./, "the decoder of the pretraining"),
  ...renames(
    [/^embeddings\.patch_embeddings\.projection\./, "patch_embed.proj."],
    [/^embeddings\.norm\./, "patch_embed.norm."],
    [/^encoder\.layers\./, "layers."],
    [/\.layernorm_before\./, ".norm1."],
    [/\.layernorm_after\./, ".norm2."],
    [/\.attention\.output\.dense\./, ".attn.proj."],
    [/\.attention\.self\./, ".attn."],
    [/\.intermediate\.dense\./, ".mlp.fc1."],
    [/\.output\.dense\./, ".mlp.fc2."],
    [/^layernorm\./, "norm."],
    [/^classifier\./, "head.fc."],
  ),
  merge(/^(layers\.\d+\.blocks\.\d+\.attn)\.query\.(weight|bias)$/, ["$1.key.$2", "$1.value.$2"], "$1.qkv.$2"),
  mergingAtTheStart,
];

/** `features` holds the patches, then stages at odd places with the merging between them at even ones. */
const torchvision: readonly Step[] = [
  ...renames(
    [/^features\.0\.0\./, "patch_embed.proj."],
    [/^features\.0\.2\./, "patch_embed.norm."],
    [/\.mlp\.0\./, ".mlp.fc1."],
    [/\.mlp\.3\./, ".mlp.fc2."],
    [/^head\./, "head.fc."],
  ),
  rename(
    /^features\.(\d*[13579])\.(\d+)\./,
    ([, place, block]) => `layers.${(Number(place) - 1) / 2}.blocks.${block}.`,
  ),
  rename(
    /^features\.(\d+)\.(norm|reduction)\./,
    ([, place, part]) => `layers.${Number(place) / 2}.downsample.${part}.`,
  ),
];

const layouts: readonly Layout[] = [
  {
    name: "Microsoft Swin",
    when: isMicrosoft,
    steps: [mergingAtTheStart, rename(/^head\./, "head.fc.")],
  },
  {
    name: "Hugging Face Swin",
    own: true,
    when: (file) => file.some(/^(?:swin\.)?encoder\.layers\.\d+\.blocks\.\d+\.attention\.self\./),
    steps: huggingFace,
  },
  {
    name: "torchvision Swin",
    own: true,
    when: (file) => file.some(/^features\.\d+\.\d+\.attn\./),
    steps: torchvision,
  },
];

/** What every file passes through: no buffers, patches and windows at the model's size. */
const tail = (c: SwinConfig): readonly Step[] => [
  drop(/relative_position_index|attn_mask/, "a table that follows from the window"),
  patchKernelToModel(/^patch_embed\.proj\.weight$/),
  relativeBiasToModel(/^layers\.\d+\.blocks\.\d+\.attn\.relative_position_bias_table$/, (name) => {
    const stage = Number(name.split(".")[1]);
    const window = windows(c)[stage] ?? [1, 1];
    return windowAndShift(c, { resolution: resolution(c, stage), window, shifted: false }).window;
  }),
];

export const remap = (c: SwinConfig): Remap => ({ layouts, tail: tail(c) });
