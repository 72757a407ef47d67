import type { BlockType, MaxxVitConfig } from "./config.ts";

type Row = Partial<MaxxVitConfig>;

const every = (type: BlockType): Row => ({ block_type: [[type], [type], [type], [type]] });
const multi = every("M");

/** Doubling widths from the first. */
const size = (width: number, depths: readonly number[], stem_width: readonly [number, number]): Row => ({
  embed_dim: [width, 2 * width, 4 * width, 8 * width],
  depths,
  stem_width,
});

/** timm's CoAtNets, trained before the authors' code was public. */
const rwCoat: Row = {
  conv_stride_mode: "pool",
  conv_pre_norm_act: true,
  conv_expand_output: false,
  conv_output_bias: false,
  conv_attn_act_layer: "relu",
  conv_act_layer: "silu",
  transformer_expand_first: false,
};
/** timm's MaxViTs of that time. */
const rwMax: Row = {
  conv_expand_output: false,
  conv_output_bias: false,
  conv_attn_ratio: 1 / 16,
  conv_act_layer: "silu",
  transformer_expand_first: false,
};
/** With ConvNeXt blocks. */
const next: Row = {
  conv_block_type: "convnext",
  conv_expand_output: false,
  transformer_expand_first: false,
  transformer_init_values: 1e-6,
  transformer_rel_pos_type: "mlp",
};
/** Google's own. */
const google: Row = {
  ...multi,
  stem_bias: true,
  conv_norm_eps: 1e-3,
  conv_act_layer: "gelu_tanh",
  conv_padding: "same",
  transformer_norm_eps: 1e-5,
  transformer_act_layer: "gelu_tanh",
  transformer_head_first: false,
  transformer_rel_pos_type: "bias_tf",
};

const depthwise: Row = { conv_stride_mode: "dw" };
const early: Row = { conv_attn_early: true, transformer_shortcut_bias: false };
const siluGate: Row = { conv_attn_act_layer: "silu" };
const scaled: Row = { transformer_init_values: 1e-6 };
const mlp = (transformer_rel_pos_dim = 512): Row => ({ transformer_rel_pos_type: "mlp", transformer_rel_pos_dim });
const hidden = (head_hidden_size: number): Row => ({ head_hidden_size });

const nano = size(64, [3, 4, 6, 3], [32, 64]);
const coat0 = size(96, [2, 3, 7, 2], [32, 64]);
const coat1 = size(96, [2, 6, 14, 2], [32, 64]);
const coat2 = size(128, [2, 6, 14, 2], [64, 128]);
const coat3 = size(192, [2, 6, 14, 2], [96, 192]);
const coatSmall: Row = { conv_output_bias: true, conv_attn_ratio: 0.25 };

const maxPico = size(32, [2, 2, 5, 2], [24, 32]);
const maxNano = size(64, [1, 2, 3, 1], [32, 64]);
const maxTiny = size(64, [2, 2, 5, 2], [32, 64]);
const maxSmall = size(96, [2, 2, 5, 2], [32, 64]);
const maxBase = size(96, [2, 6, 14, 2], [32, 64]);
const rmlp: Row = { ...rwMax, ...multi, ...mlp() };
const rmlpSmall: Row = { ...rmlp, ...maxSmall, ...scaled };
const rmlpBase: Row = { ...rmlp, ...maxBase, ...hidden(768) };
const rmlp2: Row = { ...rwCoat, ...coat2, ...depthwise, ...siluGate, ...scaled, ...mlp() };
const gridOnly: Row = { ...next, ...multi, transformer_no_block_attn: true };
const gridBase: Row = { ...gridOnly, ...size(128, [2, 6, 12, 2], [64, 128]) };

const tf = {
  tiny: { ...google, ...size(64, [2, 2, 5, 2], [64, 64]), ...hidden(512) },
  small: { ...google, ...size(96, [2, 2, 5, 2], [64, 64]), ...hidden(768) },
  base: { ...google, ...size(96, [2, 6, 14, 2], [64, 64]), ...hidden(768) },
  large: { ...google, ...size(128, [2, 6, 14, 2], [128, 128]), ...hidden(1024) },
  xlarge: { ...google, ...size(192, [2, 6, 14, 2], [192, 192]), ...hidden(1536) },
} as const satisfies Record<string, Row>;

export const variants: Readonly<Record<string, Row>> = {
  coatnet_pico_rw_224: { ...rwMax, ...size(64, [2, 3, 5, 2], [32, 64]), ...coatSmall },
  coatnet_nano_rw_224: { ...rwMax, ...nano, ...coatSmall, conv_stride_mode: "pool" },
  coatnet_0_rw_224: { ...rwCoat, ...coat0, ...early },
  coatnet_1_rw_224: { ...rwCoat, ...coat1, ...depthwise, ...early },
  coatnet_2_rw_224: { ...rwCoat, ...coat2, ...depthwise, ...siluGate },
  coatnet_3_rw_224: { ...rwCoat, ...coat3, ...depthwise, ...siluGate, ...scaled },
  coatnet_bn_0_rw_224: { ...rwCoat, ...coat0, ...depthwise, ...early, transformer_norm_layer: "batchnorm2d" },
  coatnet_rmlp_nano_rw_224: { ...rwMax, ...nano, ...coatSmall, ...mlp(384) },
  coatnet_rmlp_0_rw_224: { ...rwCoat, ...coat0, ...depthwise, ...mlp() },
  coatnet_rmlp_1_rw_224: {
    ...rwCoat,
    ...coat1,
    ...early,
    ...mlp(384),
    conv_pool_type: "max",
    transformer_pool_type: "max",
  },
  coatnet_rmlp_1_rw2_224: { ...rwCoat, ...coat1, ...depthwise, ...mlp() },
  coatnet_rmlp_2_rw_224: rmlp2,
  coatnet_rmlp_2_rw_384: rmlp2,
  coatnet_rmlp_3_rw_224: { ...rwCoat, ...coat3, ...depthwise, ...siluGate, ...scaled, ...mlp() },
  coatnet_nano_cc_224: { ...rwCoat, ...nano, block_type: [["C"], ["C"], ["C", "T"], ["C", "T"]] },
  coatnext_nano_rw_224: {
    ...next,
    ...nano,
    transformer_rel_pos_type: "bias",
    conv_init_values: 1e-5,
    transformer_init_values: 0,
  },
  coatnet_0_224: { ...size(96, [2, 3, 5, 2], [64, 64]), ...hidden(768) },
  coatnet_1_224: { ...size(96, [2, 6, 14, 2], [64, 64]), ...hidden(768) },
  coatnet_2_224: { ...size(128, [2, 6, 14, 2], [128, 128]), ...hidden(1024) },
  coatnet_3_224: { ...size(192, [2, 6, 14, 2], [192, 192]), ...hidden(1536) },
  coatnet_4_224: { ...size(192, [2, 12, 28, 2], [192, 192]), ...hidden(1536) },
  coatnet_5_224: {
    embed_dim: [256, 512, 1280, 2048],
    depths: [2, 12, 28, 2],
    stem_width: [192, 192],
    ...hidden(2048),
  },
  maxvit_pico_rw_256: { ...rwMax, ...multi, ...maxPico },
  maxvit_nano_rw_256: { ...rwMax, ...multi, ...maxNano },
  maxvit_tiny_rw_224: { ...rwMax, ...multi, ...maxTiny },
  maxvit_tiny_rw_256: { ...rwMax, ...multi, ...maxTiny },
  maxvit_rmlp_pico_rw_256: { ...rmlp, ...maxPico },
  maxvit_rmlp_nano_rw_256: { ...rmlp, ...maxNano },
  maxvit_rmlp_tiny_rw_256: { ...rmlp, ...maxTiny },
  maxvit_rmlp_small_rw_224: rmlpSmall,
  maxvit_rmlp_small_rw_256: rmlpSmall,
  maxvit_rmlp_base_rw_224: rmlpBase,
  maxvit_rmlp_base_rw_384: rmlpBase,
  maxvit_tiny_pm_256: { ...rwMax, ...every("PM"), ...maxTiny },
  maxxvit_rmlp_nano_rw_256: { ...next, ...multi, ...maxNano },
  maxxvit_rmlp_tiny_rw_256: { ...next, ...multi, ...maxTiny },
  maxxvit_rmlp_small_rw_256: { ...next, ...multi, ...size(96, [2, 2, 5, 2], [48, 96]) },
  maxxvitv2_nano_rw_256: {
    ...gridOnly,
    ...size(96, [1, 2, 3, 1], [48, 96]),
    transformer_rel_pos_type: "bias",
  },
  maxxvitv2_rmlp_base_rw_224: gridBase,
  maxxvitv2_rmlp_base_rw_384: gridBase,
  maxxvitv2_rmlp_large_rw_224: { ...gridOnly, ...size(160, [2, 6, 16, 2], [80, 160]), ...hidden(1280) },
  maxvit_tiny_tf_224: tf.tiny,
  maxvit_tiny_tf_384: tf.tiny,
  maxvit_tiny_tf_512: tf.tiny,
  maxvit_small_tf_224: tf.small,
  maxvit_small_tf_384: tf.small,
  maxvit_small_tf_512: tf.small,
  maxvit_base_tf_224: tf.base,
  maxvit_base_tf_384: tf.base,
  maxvit_base_tf_512: tf.base,
  maxvit_large_tf_224: tf.large,
  maxvit_large_tf_384: tf.large,
  maxvit_large_tf_512: tf.large,
  maxvit_xlarge_tf_224: tf.xlarge,
  maxvit_xlarge_tf_384: tf.xlarge,
  maxvit_xlarge_tf_512: tf.xlarge,
};
