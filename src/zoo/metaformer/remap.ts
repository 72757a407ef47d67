/** Checkpoints of Sea AI Lab's MetaFormers: what timm's filter of the family reads. */
import type { Layout, Remap, Step } from "../remap/remap.ts";
import { rename, renames, reshapeToModel } from "../remap/steps.ts";

const common: readonly Step[] = [
  ...renames(
    [/downsample_layers\.([0-9]+)/, "stages.$1.downsample"],
    [/downsample\.proj/, "downsample.conv"],
    [/patch_embed\.proj/, "patch_embed.conv"],
    [/([0-9]+)\.([0-9]+)/g, "$1.blocks.$2"],
    [/stages\.0\.downsample/, "patch_embed"],
    [/patch_embed/, "stem"],
    [/post_norm/, "norm"],
    [/pre_norm/, "norm"],
    [/^head/, "head.fc"],
    [/^norm/, "head.norm"],
  ),
  reshapeToModel(/./),
];

/** The stages and what lies between them are one list there. */
const numbered: readonly Step[] = [
  rename(/layer_scale_([0-9]+)/, "layer_scale$1.scale"),
  rename(/^network\.([135])(?=\.)/, ([, place]) => `downsample_layers.${(Number(place) + 1) / 2}`),
  rename(/^network\.([0246])(?=\.)/, ([, place]) => `stages.${Number(place) / 2}`),
];

const layouts: readonly Layout[] = [
  {
    name: "PoolFormer of its authors",
    when: (file) => !file.has("stem.conv.weight") && file.has("network.0.0.mlp.fc1.weight"),
    steps: [...numbered, ...common],
  },
  {
    name: "MetaFormer baselines of their authors",
    when: (file) => !file.has("stem.conv.weight") && file.some(/^downsample_layers\./),
    steps: common,
  },
];

export const remap: Remap = { layouts, tail: [] };
