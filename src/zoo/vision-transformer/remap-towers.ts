/** Image towers under the names of Hugging Face transformers: CLIP, SigLIP and InternViT, alone or in a larger file. */
import type { FileKeys, Layout, Step } from "../remap/remap.ts";
import { addAxes, change, drop, extent, merge, only, rename, renames, split, withZeroBias } from "../remap/steps.ts";

/** One layout per place where files have the tower. */
const under = (name: string, prefixes: readonly string[], marks: readonly string[], steps: readonly Step[]): Layout[] =>
  prefixes.map((prefix) => ({
    name: prefix === "" ? name : `${name} under ${prefix.slice(0, -1)}`,
    own: true,
    when: (file: FileKeys) => marks.every((mark) => file.has(`${prefix}${mark}`)),
    steps: [...(prefix === "" ? [] : [only(prefix)]), ...steps],
  }));

/** CLIP's encoder, which SigLIP took over. */
const encoder: readonly Step[] = [
  drop(/^embeddings\.position_ids$/, "the numbers of the positions"),
  ...renames(
    [/^embeddings\.patch_embedding\./, "patch_embed.proj."],
    [/^embeddings\.position_embedding\.weight$/, "pos_embed"],
    [/^encoder\.layers\.(\d+)\./, "blocks.$1."],
    [/^(blocks\.\d+)\.layer_norm(\d)\./, "$1.norm$2."],
    [/^(blocks\.\d+)\.self_attn\.out_proj\./, "$1.attn.proj."],
    [/^post_layernorm\./, "norm."],
  ),
  addAxes(/^pos_embed$/, 1),
  merge(
    /^(blocks\.\d+)\.self_attn\.q_proj\.(weight|bias)$/,
    ["$1.self_attn.k_proj.$2", "$1.self_attn.v_proj.$2"],
    "$1.attn.qkv.$2",
  ),
];

/** The projection to the space of the texts is timm's classifier; it stands outside the tower. */
const clip: readonly Step[] = [
  ...encoder,
  ...renames([/^embeddings\.class_embedding$/, "cls_token"], [/^pre_layrnorm\./, "norm_pre."]),
  addAxes(/^cls_token$/, 2),
];
const clipProjection = withZeroBias(/^visual_projection\.weight$/, "vision_model.head", (target) =>
  target.has("head.weight"),
);

/** Attention pooling by a learned probe: one projection for q, k and v, which timm has as q and kv. */
const siglip: readonly Step[] = [
  drop(/^head\./, "the pooling head", (target) => !target.has("attn_pool.latent")),
  rename(/^head\./, "attn_pool."),
  split(/^attn_pool\.attention\.in_proj_(weight|bias)$/, [
    "attn_pool.q.$1",
    "attn_pool.attention.k.$1",
    "attn_pool.attention.v.$1",
  ]),
  merge(/^attn_pool\.attention\.k\.(weight|bias)$/, ["attn_pool.attention.v.$1"], "attn_pool.kv.$1"),
  ...renames(
    [/^attn_pool\.probe$/, "attn_pool.latent"],
    [/^attn_pool\.attention\.out_proj\./, "attn_pool.proj."],
    [/^attn_pool\.layernorm\./, "attn_pool.norm."],
  ),
  // NaFlex files flatten their patches, channels last.
  change("from flattened patches", /^embeddings\.patch_embedding\.weight$/, (b, x, { target }) => {
    const [, , h, w] = target.shape("patch_embed.proj.weight") ?? [];
    if (x.type.shape.length !== 2 || h === undefined || w === undefined) return x;
    const [outputs, inputs] = [extent(x, 0), extent(x, 1) / (h * w)];
    return b.transpose(b.reshape(x, { shape: [outputs, h, w, inputs] }), { perm: [0, 3, 1, 2] });
  }),
  ...encoder,
];

const internVit: readonly Step[] = [
  ...renames(
    [/^embeddings\.class_embedding$/, "cls_token"],
    [/^embeddings\.position_embedding$/, "pos_embed"],
    [/^embeddings\.patch_embedding\./, "patch_embed.proj."],
    [/^encoder\.layers\.(\d+)\./, "blocks.$1."],
    [/^(blocks\.\d+\.ls\d)$/, "$1.gamma"],
  ),
];

/** InternViT as transformers has it itself, within InternVL. */
const internVl: readonly Step[] = [
  drop(/^embeddings\.mask_token$/, "the masked token of the pretraining"),
  ...renames(
    [/^embeddings\.cls_token$/, "cls_token"],
    [/^embeddings\.position_embeddings$/, "pos_embed"],
    [/^embeddings\.patch_embeddings\.projection\./, "patch_embed.proj."],
    [/^encoder\.layer\.(\d+)\./, "blocks.$1."],
    [/^(blocks\.\d+)\.layernorm_before\./, "$1.norm1."],
    [/^(blocks\.\d+)\.layernorm_after\./, "$1.norm2."],
    [/^(blocks\.\d+)\.lambda_(\d)$/, "$1.ls$2.gamma"],
    [/^(blocks\.\d+)\.attention\.projection_layer\./, "$1.attn.proj."],
    [/^(blocks\.\d+)\.attention\.([qk])_norm\./, "$1.attn.$2_norm."],
    [/^layernorm\./, "norm."],
  ),
  merge(
    /^(blocks\.\d+)\.attention\.q_proj\.(weight|bias)$/,
    ["$1.attention.k_proj.$2", "$1.attention.v_proj.$2"],
    "$1.attn.qkv.$2",
  ),
];

/** Where transformers keeps the image tower of a model of several kinds. */
const multimodal = ["vision_tower.", "model.vision_tower."] as const;
const within = ["vision_model.", ...multimodal.map((place) => `${place}vision_model.`)] as const;

const clipMarks = ["embeddings.class_embedding", "pre_layrnorm.weight"];
const siglipMarks = ["embeddings.position_embedding.weight", "encoder.layers.0.self_attn.q_proj.weight"];

export const siglipLayouts: readonly Layout[] = under("Hugging Face SigLIP", within, siglipMarks, siglip);

/** `caution`: of the model, about files of CLIP. */
export const towerLayouts = (caution: string | undefined): readonly Layout[] => [
  ...under("Hugging Face CLIP", within, clipMarks, clip).map((layout) => ({
    ...layout,
    caution,
    steps: [clipProjection, ...layout.steps],
  })),
  ...siglipLayouts,
  ...under(
    "InternViT",
    ["", "vision_model."],
    ["embeddings.class_embedding", "encoder.layers.0.attn.qkv.weight"],
    internVit,
  ),
  ...under("Hugging Face InternVL", multimodal, ["encoder.layer.0.lambda_1", "embeddings.cls_token"], internVl),
];
