/** Checkpoints of Vision Transformers: what timm's filter of the family reads. */
import type { Layout, Remap, Step } from "../remap/remap.ts";
import { patchKernelRank, patchKernelToModel, posEmbedToModel } from "../remap/resample.ts";
import { change, drop, extent, merge, only, renames, withZeroBias } from "../remap/steps.ts";
import type { VitConfig } from "./config.ts";
import type { Prefix } from "../layers/token-embedding.ts";
import { coveredTokens, nativeGrid, prefixOf } from "./encoder.ts";
import { clipLayout } from "./remap-clip.ts";
import { dinov2Layouts, mae, teacher } from "./remap-dinov2.ts";
import { type NpzModel, npzLayouts } from "./remap-npz.ts";
import { torchvision } from "./remap-torchvision.ts";
import { towerLayouts } from "./remap-towers.ts";
import { transformersLayouts } from "./remap-transformers.ts";

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

/**
 * Of timm's filter, in its order, for names that no wrapper stands before; a masked autoencoder, which that takes for
 * DINOv2 and then refuses, comes before.
 */
const layouts: readonly Layout[] = [
  mae,
  ...dinov2Layouts,
  { name: "BEiT-3", when: (file) => file.some(/beit3\./), steps: beit3 },
  { name: "I-JEPA", when: (file) => file.some(/^encoder\.module\./), steps: [only("encoder.module.")] },
  {
    name: "OpenCLIP around a timm network",
    when: (file) => file.has("visual.trunk.pos_embed") || file.has("visual.trunk.blocks.0.norm1.weight"),
    steps: [
      withZeroBias(/^visual\.head\.proj\.weight$/, "visual.trunk.head", (target) => target.has("head.weight")),
      only("visual.trunk."),
    ],
  },
  { name: "AIMv2", when: (file) => file.has("preprocessor.patchifier.proj.weight"), steps: aimv2 },
];

/** Names that timm does not read. */
const own = (caution: string | undefined): readonly Layout[] => [
  teacher,
  ...transformersLayouts,
  ...towerLayouts(caution),
  torchvision,
];

/** What every file passes through: patches and positions at the model's size. */
const tail = (c: VitConfig, { grid, covered }: NpzModel): readonly Step[] => [
  patchKernelRank(/patch_embed\.proj\.weight$/),
  patchKernelToModel(/patch_embed\.proj\.weight$/, c.interpolation),
  posEmbedToModel(/^pos_embed$/, grid, covered, c.interpolation),
  drop(/^attn_pool\./, "the pooling head", (target) => !target.has("attn_pool.latent")),
  drop(/pre_logits/, "the representation layer, which timm's models do not have"),
];

/** `prefix` are the model's tokens before the patches; `caution` is what to say of files of CLIP. */
export function remap(c: VitConfig, prefix: Prefix = prefixOf(c), caution?: string): Remap {
  const model: NpzModel = { depth: c.depth, grid: nativeGrid(c), covered: coveredTokens(c, prefix) };
  const all = [clipLayout(caution), ...layouts, ...npzLayouts(model), ...own(caution)];
  return { layouts: all, tail: tail(c, model) };
}
