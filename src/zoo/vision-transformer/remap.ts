/** Checkpoints of Vision Transformers: what timm's filter of the family reads. */
import type { Layout, Remap, Step } from "../remap/remap.ts";
import { patchKernelRank, patchKernelToModel, posEmbedToModel } from "../remap/resample.ts";
import { addAxes, change, drop, extent, merge, only, projection, renames, withZeroBias } from "../remap/steps.ts";
import type { VitConfig } from "./config.ts";
import { type Prefix, prefixLength } from "../layers/token-embedding.ts";
import { prefixOf } from "./encoder.ts";
import { dinov2Layouts, mae, teacher } from "./remap-dinov2.ts";
import { type NpzModel, npzLayouts } from "./remap-npz.ts";
import { torchvision } from "./remap-torchvision.ts";
import { towerLayouts } from "./remap-towers.ts";
import { transformersLayouts } from "./remap-transformers.ts";

/** OpenAI's CLIP, and the towers of OpenCLIP that are its own. */
const clipTower: readonly Step[] = [
  ...renames(
    [/^conv1\b/, "patch_embed.proj"],
    [/^positional_embedding$/, "pos_embed"],
    [/^class_embedding$/, "cls_token"],
    [/^transformer\.resblocks\./, "blocks."],
    [/\bln_pre\b/, "norm_pre"],
    [/\bln_post\b/, "norm"],
    [/\bln_(\d)/, "norm$1"],
    [/\bin_proj_/, "qkv."],
    [/\bout_proj\b/, "proj"],
    [/\bmlp\.c_fc\b/, "mlp.fc1"],
    [/\bmlp\.c_proj\b/, "mlp.fc2"],
  ),
  projection(/^proj$/, "head"),
  addAxes(/^cls_token$/, 2),
  addAxes(/^pos_embed$/, 1),
];

/** Multiway transformers: branch A is vision. The first two rows of the positions belong to no token. */
const beit3: readonly Step[] = [
  drop(/^beit3\.text_embed\.weight$/, "the text model"),
  drop(/^beit3\.vision_embed\.mask_token$/, "the masked token of the pretraining"),
  drop(/\.B\./, "the language branch"),
  ...renames(
    [/beit3\./, ""],
    [/\.A\./, "."],
    [/vision_embed\.cls_token/, "cls_token"],
    [/vision_embed\./, "patch_embed."],
    [/encoder\./, ""],
    [/layers\./, "blocks."],
    [/ffn_layernorm\./, "norm."],
    [/ffn\./, "mlp."],
    [/self_attn_layer_norm\./, "norm1."],
    [/self_attn\./, "attn."],
    [/final_layer_norm\./, "norm2."],
    [/inner_attn_ln/, "norm"],
    [/out_proj/, "proj"],
  ),
  change(
    "slice",
    /^embed_positions\.weight$/,
    (b, x) => {
      const [rows, width] = [extent(x, 0), extent(x, 1)];
      return b.reshape(b.slice(x, { axis: 0, range: [2, rows] }), { shape: [1, rows - 2, width] });
    },
    "pos_embed",
  ),
  merge(/^(blocks\.\d+\.attn)\.q_proj\.(weight|bias)$/, ["$1.k_proj.$2", "$1.v_proj.$2"], "$1.qkv.$2"),
];

const aimv2: readonly Step[] = renames(
  [/norm_([12])/, "norm$1"],
  [/preprocessor\.patchifier\./, "patch_embed."],
  [/preprocessor\.pos_embed/, "pos_embed"],
  [/trunk\./, ""],
  [/post_trunk_norm\./, "norm."],
  [/mlp\.fc1/, "mlp.fc1_g"],
  [/mlp\.fc3/, "mlp.fc1_x"],
);

/** Of timm's filter, in its order; a masked autoencoder, which that takes for DINOv2 and then refuses, comes before. */
const layouts: readonly Layout[] = [
  { name: "CLIP", when: (file) => file.has("visual.class_embedding"), steps: [only("visual."), ...clipTower] },
  {
    name: "CLIP in a wrapper",
    when: (file) => file.has("module.visual.class_embedding"),
    steps: [only("module.visual."), ...clipTower],
  },
  mae,
  ...dinov2Layouts,
  { name: "BEiT-3", when: (file) => file.some(/beit3\./), steps: beit3 },
  { name: "I-JEPA", when: (file) => file.some(/^encoder\.module\./), steps: [only("encoder.module.")] },
  {
    name: "OpenCLIP around a timm network",
    when: (file) => file.has("visual.trunk.pos_embed") || file.has("visual.trunk.blocks.0.norm1.weight"),
    steps: [
      withZeroBias(
        /^visual\.head\.proj\.weight$/,
        "visual.trunk.head",
        (target) => target.shape("head.weight") !== undefined,
      ),
      only("visual.trunk."),
    ],
  },
  {
    name: "OpenCLIP around a timm network, in a wrapper",
    when: (file) => file.has("module.visual.trunk.pos_embed"),
    steps: [only("module.visual.trunk.")],
  },
  { name: "AIMv2", when: (file) => file.has("preprocessor.patchifier.proj.weight"), steps: aimv2 },
];

/** Names that timm does not read. */
const own: readonly Layout[] = [teacher, ...transformersLayouts, ...towerLayouts, torchvision];

/** What every file passes through: patches and positions at the model's size. */
const tail = (c: VitConfig, { grid, covered }: NpzModel): readonly Step[] => [
  patchKernelRank(/patch_embed\.proj\.weight$/),
  patchKernelToModel(/patch_embed\.proj\.weight$/, c.interpolation),
  posEmbedToModel(/^pos_embed$/, grid, covered, c.interpolation),
  drop(/pre_logits/, "the representation layer, which timm's models do not have"),
];

/** `prefix` are the model's tokens before the patches. */
export function remap(c: VitConfig, prefix: Prefix = prefixOf(c)): Remap {
  const [height, width] = c.img_size;
  const [rows, columns] = c.patch_size;
  const model: NpzModel = {
    depth: c.depth,
    grid: [Math.floor(height / rows), Math.floor(width / columns)],
    covered: c.no_embed_class ? 0 : prefixLength(prefix),
  };
  return { layouts: [...layouts, ...npzLayouts(model), ...own], tail: tail(c, model) };
}
