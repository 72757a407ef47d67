/** Image towers trained with text: CLIP and SigLIP. A row per architecture. */
import { type Row, patch, sizes } from "./sizes.ts";

const { medium, betwixt, base, basePlus, large, huge, giant, gigantic, so400m } = sizes;

const clip: Row = { pre_norm: true, norm_layer: { name: "layernorm", eps: 1e-5 } };
/** With the activation of OpenAI's weights. */
const quick: Row = { ...clip, act_layer: "quick_gelu" };

const clipRows: Readonly<Record<string, Row>> = {
  vit_xsmall_patch16_clip_224: { ...clip, embed_dim: 256, depth: 10, num_heads: 4 },
  vit_medium_patch32_clip_224: { ...clip, ...medium, ...patch(32) },
  vit_medium_patch16_clip_224: { ...clip, ...medium },
  vit_betwixt_patch32_clip_224: { ...clip, ...betwixt, ...patch(32) },
  vit_base_patch32_clip_224: { ...clip, ...patch(32) },
  vit_base_patch32_clip_256: { ...clip, ...patch(32) },
  vit_base_patch32_clip_384: { ...clip, ...patch(32) },
  vit_base_patch32_clip_448: { ...clip, ...patch(32) },
  vit_base_patch16_clip_224: clip,
  vit_base_patch16_clip_384: clip,
  vit_base_patch16_plus_clip_240: { ...clip, ...basePlus },
  vit_large_patch14_clip_224: { ...clip, ...large, ...patch(14) },
  vit_large_patch14_clip_336: { ...clip, ...large, ...patch(14) },
  vit_huge_patch14_clip_224: { ...clip, ...huge, ...patch(14) },
  vit_huge_patch14_clip_336: { ...clip, ...huge, ...patch(14) },
  vit_huge_patch14_clip_378: { ...clip, ...huge, ...patch(14) },
  vit_giant_patch14_clip_224: { ...clip, ...giant, ...patch(14) },
  vit_gigantic_patch14_clip_224: { ...clip, ...gigantic, ...patch(14) },
  vit_gigantic_patch14_clip_378: { ...clip, ...gigantic, ...patch(14) },
  vit_base_patch32_clip_quickgelu_224: { ...quick, ...patch(32) },
  vit_base_patch16_clip_quickgelu_224: quick,
  vit_large_patch14_clip_quickgelu_224: { ...quick, ...large, ...patch(14) },
  vit_large_patch14_clip_quickgelu_336: { ...quick, ...large, ...patch(14) },
  vit_huge_patch14_clip_quickgelu_224: { ...quick, ...huge, ...patch(14) },
  vit_huge_patch14_clip_quickgelu_378: { ...quick, ...huge, ...patch(14) },
  vit_gigantic_patch14_clip_quickgelu_224: { ...quick, ...gigantic, ...patch(14) },
};

const twinOf = (name: string): string => name.replace("_clip_", "_clip_quickgelu_");

export const clipVariants: Readonly<Record<string, Row>> = Object.fromEntries(
  Object.entries(clipRows).map(([name, row]) => [
    name,
    Object.hasOwn(clipRows, twinOf(name)) ? { ...row, quickTwin: twinOf(name) } : row,
  ]),
);

/** SigLIP pools by attention; the gap variants drop that head. */
const map: Row = { class_token: false, global_pool: "map" };
const gap: Row = { class_token: false, global_pool: "avg", fc_norm: false };
const tanh: Row = { act_layer: "gelu_tanh" };
const giantOpt: Row = { ...tanh, embed_dim: 1536, depth: 40, num_heads: 16 };

export const siglipVariants: Readonly<Record<string, Row>> = {
  vit_base_patch32_siglip_256: { ...map, ...base, ...patch(32), ...tanh },
  vit_base_patch16_siglip_224: map,
  vit_base_patch16_siglip_256: map,
  vit_base_patch16_siglip_384: map,
  vit_base_patch16_siglip_512: map,
  vit_large_patch16_siglip_256: { ...map, ...large },
  vit_large_patch16_siglip_384: { ...map, ...large },
  vit_large_patch16_siglip_512: { ...map, ...large, ...tanh },
  vit_so400m_patch14_siglip_224: { ...map, ...so400m, ...patch(14) },
  vit_so400m_patch14_siglip_378: { ...map, ...so400m, ...patch(14) },
  vit_so400m_patch14_siglip_384: { ...map, ...so400m, ...patch(14) },
  vit_so400m_patch16_siglip_256: { ...map, ...so400m, ...tanh },
  vit_so400m_patch16_siglip_384: { ...map, ...so400m, ...tanh },
  vit_so400m_patch16_siglip_512: { ...map, ...so400m, ...tanh },
  vit_giantopt_patch16_siglip_256: { ...map, ...giantOpt },
  vit_giantopt_patch16_siglip_384: { ...map, ...giantOpt },
  vit_base_patch32_siglip_gap_256: { ...gap, ...patch(32), ...tanh },
  vit_base_patch16_siglip_gap_224: gap,
  vit_base_patch16_siglip_gap_256: gap,
  vit_base_patch16_siglip_gap_384: gap,
  vit_base_patch16_siglip_gap_512: gap,
  vit_large_patch16_siglip_gap_256: { ...gap, ...large },
  vit_large_patch16_siglip_gap_384: { ...gap, ...large },
  vit_large_patch16_siglip_gap_512: { ...gap, ...large, ...tanh },
  vit_so400m_patch14_siglip_gap_224: { ...gap, ...so400m, ...patch(14) },
  vit_so400m_patch14_siglip_gap_378: { ...gap, ...so400m, ...patch(14) },
  vit_so400m_patch14_siglip_gap_384: { ...gap, ...so400m, ...patch(14) },
  vit_so400m_patch14_siglip_gap_448: { ...gap, ...so400m, ...patch(14) },
  vit_so400m_patch14_siglip_gap_896: { ...gap, ...so400m, ...patch(14) },
  vit_so400m_patch16_siglip_gap_256: { ...gap, ...so400m, ...tanh },
  vit_so400m_patch16_siglip_gap_384: { ...gap, ...so400m, ...tanh },
  vit_so400m_patch16_siglip_gap_512: { ...gap, ...so400m, ...tanh },
  vit_giantopt_patch16_siglip_gap_256: { ...gap, ...giantOpt },
  vit_giantopt_patch16_siglip_gap_384: { ...gap, ...giantOpt },
};
