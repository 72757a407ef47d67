import { fixed } from "../fixed.ts";
import type { MixerConfig } from "./config.ts";

type Row = Partial<MixerConfig>;

const square = (pixels: number): Row => ({ patch_size: [pixels, pixels] });
const mixer = (pixels: number, num_blocks: number, embed_dim: number): Row =>
  fixed({ ...square(pixels), num_blocks, embed_dim });
/** SiLU gates in a Mixer's MLPs. */
const gmixer = (num_blocks: number): Row =>
  fixed({ ...square(16), num_blocks, embed_dim: 384, mlp_ratio: [1, 4], mlp_layer: "glu", act_layer: "silu" });
const resmlp = (num_blocks: number, embed_dim = 384, pixels = 16): Row =>
  fixed({ ...square(pixels), num_blocks, embed_dim, mlp_ratio: 4, block_layer: "res", norm_layer: "affine" });
const gmlp = (embed_dim: number): Row =>
  fixed({ ...square(16), num_blocks: 30, embed_dim, mlp_ratio: 6, block_layer: "gating" });

export const variants: Readonly<Record<string, Row>> = {
  mixer_s32_224: mixer(32, 8, 512),
  mixer_s16_224: mixer(16, 8, 512),
  mixer_b32_224: mixer(32, 12, 768),
  mixer_b16_224: mixer(16, 12, 768),
  mixer_l32_224: mixer(32, 24, 1024),
  mixer_l16_224: mixer(16, 24, 1024),
  gmixer_12_224: gmixer(12),
  gmixer_24_224: gmixer(24),
  resmlp_12_224: resmlp(12),
  resmlp_24_224: resmlp(24),
  resmlp_36_224: resmlp(36),
  resmlp_big_24_224: resmlp(24, 768, 8),
  gmlp_ti16_224: gmlp(128),
  gmlp_s16_224: gmlp(256),
  gmlp_b16_224: gmlp(512),
};
