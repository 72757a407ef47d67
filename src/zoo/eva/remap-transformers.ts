/** DINOv3's vision transformers under the names of Hugging Face transformers. */
import type { Layout } from "../remap/remap.ts";
import { drop, merge, rename, renames } from "../remap/steps.ts";

export const huggingFaceDinov3: Layout = {
  name: "Hugging Face DINOv3",
  own: true,
  when: (file) => file.has("embeddings.register_tokens") && file.has("layer.0.attention.q_proj.weight"),
  steps: [
    drop(/^embeddings\.mask_token$/, "the masked token of the pretraining"),
    ...renames(
      [/^embeddings\.cls_token$/, "cls_token"],
      [/^embeddings\.register_tokens$/, "reg_token"],
      [/^embeddings\.patch_embeddings\./, "patch_embed.proj."],
      [/^layer\.(\d+)\./, "blocks.$1."],
      [/^(blocks\.\d+)\.attention\.o_proj\./, "$1.attn.proj."],
      [/^(blocks\.\d+)\.layer_scale([12])\.lambda1$/, "$1.gamma_$2"],
      [/^(blocks\.\d+\.mlp)\.gate_proj\./, "$1.fc1_g."],
      [/^(blocks\.\d+\.mlp)\.down_proj\./, "$1.fc2."],
    ),
    rename(/^(blocks\.\d+\.mlp)\.up_proj\./, ([, mlp = ""], file) =>
      file.has(`${mlp}.fc1_g.weight`) ? `${mlp}.fc1_x.` : `${mlp}.fc1.`,
    ),
    merge(
      /^(blocks\.\d+)\.attention\.q_proj\.weight$/,
      ["$1.attention.k_proj.weight", "$1.attention.v_proj.weight"],
      "$1.attn.qkv.weight",
    ),
    // As with Meta's own files: where the model has no biases, the file's are zero.
    drop(/\.attention\.[qv]_proj\.bias$/, "biases of zeros", (target) => !target.has("blocks.0.attn.q_bias")),
    rename(/^(blocks\.\d+)\.attention\.([qv])_proj\.bias$/, "$1.attn.$2_bias"),
  ],
};
