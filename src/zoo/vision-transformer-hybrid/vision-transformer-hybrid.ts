/** Vision transformers on the maps of convolutional networks: Dosovitskiy et al. 2020 (arXiv:2010.11929), MobileCLIP (2311.17049). */
import { defineFamily } from "../define-family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { hybridPatches } from "../layers/hybrid-embed.ts";
import { type ConfigOf, internal } from "../schema.ts";
import { args as vitArgs, refuse } from "../vision-transformer/config.ts";
import { buildVisionTransformer } from "../vision-transformer/model.ts";
import { type Row as VitRow, sizes } from "../vision-transformer/sizes.ts";
import { type Backbone, reduced } from "./backbone.ts";
import { remap } from "./remap.ts";

const args = { ...vitArgs, backbone: internal<Backbone>({ kind: "bit", layers: [] }) };

export type HybridConfig = ConfigOf<typeof args>;
type Row = Partial<HybridConfig>;

const { tiny, small, base, large } = sizes;

/** The map is one patch per pixel, unless there is only a stem. */
const bit = (size: VitRow, ...layers: readonly number[]): Row => ({
  ...size,
  patch_size: [1, 1],
  backbone: { kind: "bit", layers },
});
const resnet = (size: VitRow, variant: "resnet26d" | "resnet50d", ...layers: readonly number[]): Row => ({
  ...size,
  patch_size: [1, 1],
  backbone: { kind: "resnet", variant, layers },
});
const stem: Row = { ...tiny, patch_size: [8, 8], backbone: { kind: "bit", layers: [] } };
const narrow: VitRow = { embed_dim: 768, depth: 8, num_heads: 8, mlp_ratio: 3 };

export default defineFamily<typeof args>({
  name: "vision_transformer_hybrid",
  paper: "https://arxiv.org/abs/2010.11929",
  args,
  variants: {
    vit_tiny_r_s16_p8_224: stem,
    vit_tiny_r_s16_p8_384: stem,
    vit_small_r26_s32_224: bit(small, 2, 2, 2, 2),
    vit_small_r26_s32_384: bit(small, 2, 2, 2, 2),
    vit_base_r26_s32_224: bit(base, 2, 2, 2, 2),
    vit_base_r50_s16_224: bit(base, 3, 4, 9),
    vit_base_r50_s16_384: bit(base, 3, 4, 9),
    vit_large_r50_s32_224: bit(large, 3, 4, 6, 3),
    vit_large_r50_s32_384: bit(large, 3, 4, 6, 3),
    vit_small_resnet26d_224: resnet(narrow, "resnet26d", 2, 2, 2, 2),
    vit_small_resnet50d_s16_224: resnet(narrow, "resnet50d", 3, 4, 6),
    vit_base_resnet26d_224: resnet(base, "resnet26d", 2, 2, 2, 2),
    vit_base_resnet50d_224: resnet(base, "resnet50d", 3, 4, 6, 3),
    vit_base_mci_224: { ...base, patch_size: [1, 1], no_embed_class: true, backbone: { kind: "patches" } },
  },
  lastStages: 3,
  refuse: (c, given) => {
    const { isTokens, ratio, rounding } = reduced(c.backbone);
    if (isTokens && (given.has("embed_dim") || given.has("patch_size")))
      return "the convolutions make the tokens: embed_dim and patch_size are theirs";
    if (c.dynamic_img_pad) return "dynamic_img_pad=true pads the backbone's map, which timmc does not";
    const round = rounding === "up" ? Math.ceil : Math.floor;
    const map = c.img_size.map((extent) => round(extent / ratio));
    if (map.some((extent, i) => extent < 1 || extent % (c.patch_size[i] ?? 1) !== 0))
      return `patches of ${c.patch_size.join("x")} must divide the backbone's map of ${map.join("x")}`;
    return refuse(c);
  },
  groups: () => [
    stemGroup(/cls_token|reg_token|pos_embed|patch_embed/),
    blockGroup(/blocks\.(\d+)/),
    blockGroup(/norm/, "last"),
  ],
  remap,
  build: (s, image, c) => {
    const { module, ratio, rounding, isTokens } = reduced(c.backbone);
    const patches = hybridPatches(image, {
      backbone: module,
      ratio,
      rounding,
      patch: c.patch_size,
      size: c.img_size,
      width: isTokens ? undefined : c.embed_dim,
      bias: !c.pre_norm,
      strict: !c.dynamic_img_size && c.pos_embed === "learn",
      map: c.dynamic_img_size,
    });
    return buildVisionTransformer(s, image, c, patches);
  },
});
