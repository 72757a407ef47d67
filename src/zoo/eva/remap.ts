/** Checkpoints of EVA and its kin: what timm's filter of the family reads, and a layout of timmc's own. */
import type { FileKeys, Layout, Remap, Step } from "../remap/remap.ts";
import { patchKernelToModel, posEmbedToModel } from "../remap/resample.ts";
import { addAxes, drop, merge, only, projection, rename, renames, split } from "../remap/steps.ts";
import type { EvaConfig } from "./config.ts";
import { nativeGrid } from "./grid.ts";
import { huggingFaceDinov3 } from "./remap-transformers.ts";

/** Meta's Perception Encoder, which has OpenCLIP's names. */
const perceptionEncoder: readonly Step[] = [
  ...renames(
    [/conv1/, "patch_embed.proj"],
    [/positional_embedding/, "pos_embed"],
    [/transformer\.resblocks\./, "blocks."],
    [/ln_pre/, "norm_pre"],
    [/ln_post/, "norm"],
    [/ln_/, "norm"],
    [/ls_([12])\.gamma/, "gamma_$1"],
    [/in_proj_/, "qkv."],
    [/out_proj/, "proj"],
    [/mlp\.c_fc/, "mlp.fc1"],
    [/mlp\.c_proj/, "mlp.fc2"],
    [/^attn_pool\.attn/, "attn_pool"],
    [/^attn_pool\.layernorm/, "attn_pool.norm"],
    [/^attn_pool\.probe/, "attn_pool.latent"],
  ),
  split(/^attn_pool\.qkv\.(weight|bias)$/, ["attn_pool.q.$1", "attn_pool.k.$1", "attn_pool.v.$1"]),
  merge(/^attn_pool\.k\.(weight|bias)$/, ["attn_pool.v.$1"], "attn_pool.kv.$1"),
  projection(/^proj$/, "head"),
  addAxes(/^class_embedding$/, 2, "cls_token"),
  addAxes(/^pos_embed$/, 1),
];

/** DINOv3 and EUPE. Keys have no bias here, and what the file has is zero. */
const dinov3: readonly Step[] = [
  drop(/rope/, "tables that follow from the size"),
  drop(/(?:\.periods|\.bias_mask|mask_token)$/, "tables that follow from the size, and the masked token"),
  drop(/^projectors\.|^local_cls_norm/, "heads of the pretraining"),
  drop(/qkv\.bias$/, "biases of zeros", (target) => !target.has("blocks.0.attn.q_bias")),
  split(/^(.*)qkv\.bias$/, ["$1q_bias", "$1k_bias", "$1v_bias"]),
  drop(/k_bias$/, "the bias of keys, which the model does not have"),
  ...renames([/ls([12])\.gamma/, "gamma_$1"], [/storage_tokens/, "reg_token"]),
];

/** Masked image modelling: the classifier takes the mean of the patches, and the final norm follows it. */
const masked: readonly Step[] = [
  drop(/^(?:mask_token|lm_head\.weight|lm_head\.bias)$/, "the masked token and the head of the pretraining"),
  rename(/^norm\./, "fc_norm."),
];

const places = [
  { name: "EVA in OpenCLIP", prefix: "visual.trunk." },
  { name: "EVA-CLIP", prefix: "visual." },
] as const;

const isMasked = (file: FileKeys, prefix: string): boolean => file.has(`${prefix}mask_token`);

/** Meta's files have biases even where they are zeros; their names do not tell. */
const zeroBiases = ({ qkv_bias }: EvaConfig): string | undefined =>
  qkv_bias
    ? undefined
    : "its biases of queries and values are taken for zeros and left out; architectures in _qkvb keep them";

const layouts = (c: EvaConfig): readonly Layout[] => [
  {
    name: "Perception Encoder",
    when: (file) => file.has("visual.conv1.weight"),
    steps: [only("visual."), ...perceptionEncoder],
  },
  {
    name: "Perception Encoder, the image tower alone",
    when: (file) => file.has("conv1.weight"),
    steps: perceptionEncoder,
  },
  { name: "DINOv3", when: (file) => file.has("storage_tokens"), caution: zeroBiases(c), steps: dinov3 },
  ...places.flatMap(({ name, prefix }): Layout[] => [
    {
      name: `${name}, pretrained on masked images`,
      when: (file) => file.has(`${prefix}pos_embed`) && isMasked(file, prefix),
      steps: [only(prefix), ...masked],
    },
    { name, when: (file) => file.has(`${prefix}pos_embed`), steps: [only(prefix)] },
  ]),
  { ...huggingFaceDinov3, caution: zeroBiases(c) },
  { name: "EVA, pretrained on masked images", when: (file) => isMasked(file, ""), steps: masked },
];

/** Where queries, keys and values have a layer each, their biases belong to it. */
const biasOf = (part: string): Step =>
  rename(new RegExp(`${part}_bias$`), ([all = ""], file) =>
    file.has("blocks.0.attn.q_proj.weight") ? `${part}_proj.bias` : all,
  );

export function remap(c: EvaConfig): Remap {
  const prefix = (c.class_token ? 1 : 0) + c.num_reg_tokens;
  return {
    layouts: layouts(c),
    tail: [
      drop(/^(?!rope\.freqs$).*rope/, "tables that follow from the size"),
      patchKernelToModel(/patch_embed\.proj\.weight$/),
      posEmbedToModel(/^pos_embed$/, nativeGrid(c), c.no_embed_class ? 0 : prefix),
      ...renames(
        [/mlp\.ffn_ln/, "mlp.norm"],
        [/attn\.inner_attn_ln/, "attn.norm"],
        [/mlp\.w12/, "mlp.fc1"],
        [/mlp\.w1/, "mlp.fc1_g"],
        [/mlp\.w2/, "mlp.fc1_x"],
        [/mlp\.w3/, "mlp.fc2"],
      ),
      biasOf("q"),
      biasOf("v"),
    ],
  };
}
