import { fixed } from "../fixed.ts";
import type { MetaFormerConfig } from "./config.ts";

type Row = Partial<MetaFormerConfig>;

const s12: Row = { depths: [2, 2, 6, 2], dims: [64, 128, 320, 512] };
const s24: Row = { depths: [4, 4, 12, 4], dims: [64, 128, 320, 512] };
const s36: Row = { depths: [6, 6, 18, 6], dims: [64, 128, 320, 512] };
const m36: Row = { depths: [6, 6, 18, 6], dims: [96, 192, 384, 768] };
const m48: Row = { depths: [8, 8, 24, 8], dims: [96, 192, 384, 768] };

const first: Row = {
  downsample_norm: false,
  mlp_act: "gelu",
  mlp_bias: true,
  norm_layers: "group",
  layer_scale_init_values: [1e-5],
  res_scale_init_values: [null],
  use_mlp_head: false,
};
const second: Row = { norm_layers: "group_no_bias", use_mlp_head: false };

const wide = {
  s18: { depths: [3, 3, 9, 3], dims: [64, 128, 320, 512] },
  s36: { depths: [3, 12, 18, 3], dims: [64, 128, 320, 512] },
  m36: { depths: [3, 12, 18, 3], dims: [96, 192, 384, 576] },
  b36: { depths: [3, 12, 18, 3], dims: [128, 256, 512, 768] },
} as const satisfies Record<string, Row>;
const conv = (row: Row): Row => fixed({ ...row, token_mixers: ["sep_conv"] });
const both = (row: Row): Row => fixed({ ...row, token_mixers: ["sep_conv", "sep_conv", "attention", "attention"] });

export const variants: Readonly<Record<string, Row>> = {
  poolformer_s12: fixed({ ...s12, ...first }),
  poolformer_s24: fixed({ ...s24, ...first }),
  poolformer_s36: fixed({ ...s36, ...first }),
  poolformer_m36: fixed({ ...m36, ...first }),
  poolformer_m48: fixed({ ...m48, ...first }),
  poolformerv2_s12: fixed({ ...s12, ...second }),
  poolformerv2_s24: fixed({ ...s24, ...second }),
  poolformerv2_s36: fixed({ ...s36, ...second }),
  poolformerv2_m36: fixed({ ...m36, ...second }),
  poolformerv2_m48: fixed({ ...m48, ...second }),
  convformer_s18: conv(wide.s18),
  convformer_s36: conv(wide.s36),
  convformer_m36: conv(wide.m36),
  convformer_b36: conv(wide.b36),
  caformer_s18: both(wide.s18),
  caformer_s36: both(wide.s36),
  caformer_m36: both(wide.m36),
  caformer_b36: both(wide.b36),
};
