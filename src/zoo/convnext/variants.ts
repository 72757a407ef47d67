import type { ConvNeXtConfig } from "./config.ts";

/** Woo et al. 2023: global response normalisation takes the place of layer scale. */
const v2 = { use_grn: true, ls_init_value: undefined } as const;

const zepto = { depths: [2, 2, 4, 2], dims: [32, 64, 128, 256], conv_mlp: true } as const;
const atto = { depths: [2, 2, 6, 2], dims: [40, 80, 160, 320], conv_mlp: true } as const;
const femto = { depths: [2, 2, 6, 2], dims: [48, 96, 192, 384], conv_mlp: true } as const;
const pico = { depths: [2, 2, 6, 2], dims: [64, 128, 256, 512], conv_mlp: true } as const;
const nano = { depths: [2, 2, 8, 2], dims: [80, 160, 320, 640], conv_mlp: true } as const;
const small = { depths: [3, 3, 27, 3] } as const;
const base = { depths: [3, 3, 27, 3], dims: [128, 256, 512, 1024] } as const;
const large = { depths: [3, 3, 27, 3], dims: [192, 384, 768, 1536] } as const;
const test = { norm_eps: 1e-5, depths: [1, 1, 1, 1], dims: [32, 64, 96, 128] } as const;

export const variants: Readonly<Record<string, Partial<ConvNeXtConfig>>> = {
  convnext_zepto_rms: { ...zepto, norm_layer: "simplenorm" },
  convnext_zepto_rms_ols: { ...zepto, norm_layer: "simplenorm", stem_type: "overlap_act" },
  convnext_atto: atto,
  convnext_atto_ols: { ...atto, stem_type: "overlap_tiered" },
  convnext_atto_rms: { ...atto, norm_layer: "rmsnorm2d" },
  convnext_femto: femto,
  convnext_femto_ols: { ...femto, stem_type: "overlap_tiered" },
  convnext_pico: pico,
  convnext_pico_ols: { ...pico, stem_type: "overlap_tiered" },
  convnext_nano: nano,
  convnext_nano_ols: { ...nano, stem_type: "overlap" },
  convnext_tiny_hnf: { head_norm_first: true, conv_mlp: true },
  convnext_tiny: {},
  convnext_small: small,
  convnext_base: base,
  convnext_large: large,
  convnext_large_mlp: { ...large, head_hidden_size: 1536 },
  convnext_xlarge: { depths: [3, 3, 27, 3], dims: [256, 512, 1024, 2048] },
  convnext_xxlarge: { depths: [3, 4, 30, 3], dims: [384, 768, 1536, 3072], norm_eps: 1e-5 },
  convnextv2_atto: { ...atto, ...v2 },
  convnextv2_femto: { ...femto, ...v2 },
  convnextv2_pico: { ...pico, ...v2 },
  convnextv2_nano: { ...nano, ...v2 },
  convnextv2_tiny: v2,
  convnextv2_small: { ...small, ...v2 },
  convnextv2_base: { ...base, ...v2 },
  convnextv2_large: { ...large, ...v2 },
  convnextv2_huge: { depths: [3, 3, 27, 3], dims: [352, 704, 1408, 2816], ...v2 },
  test_convnext: { ...test, depths: [1, 2, 4, 2], dims: [24, 32, 48, 64], act_layer: "gelu_tanh" },
  test_convnext2: { ...test, act_layer: "gelu_tanh" },
  test_convnext3: { ...test, kernel_sizes: [7, 5, 5, 3], act_layer: "silu" },
};
