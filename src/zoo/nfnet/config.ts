import { commonArgs, globalPool } from "../family.ts";
import type { ActName } from "../layers/act.ts";
import { attnKwargs, attnName } from "../layers/attn-layer.ts";
import { type ConfigOf, bool, dropRates, inert, int, ints, number, oneOf, optional } from "../schema.ts";

/** What the deviation of a unit normal loses in each activation, inverted: the gain that restores it. */
export const activationGains = {
  identity: 1,
  celu: 1.270926833152771,
  elu: 1.2716004848480225,
  gelu: 1.7015043497085571,
  leaky_relu: 1.70590341091156,
  relu: 1.7139588594436646,
  relu6: 1.7131484746932983,
  selu: 1.0008515119552612,
  sigmoid: 4.803835391998291,
  silu: 1.7881293296813965,
  tanh: 1.5939117670059204,
} as const satisfies Partial<Record<ActName, number>>;

type NormFreeAct = keyof typeof activationGains;
const actNames = Object.keys(activationGains) as readonly NormFreeAct[];

export const stemTypes = [
  "",
  "deep",
  "deep_tiered",
  "deep_quad",
  "3x3",
  "7x7",
  "deep_pool",
  "3x3_pool",
  "7x7_pool",
] as const;

export const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool(),
  output_stride: int(32, "the stride of the last stage; strides beyond it become dilation", { min: 1 }),
  depths: ints([3, 4, 6, 3], "blocks of each stage", { min: 1, length: 4 }),
  channels: ints([256, 512, 1024, 2048], "channels of each stage", { min: 1, length: 4 }),
  alpha: number(0.2, "the share of a residual in the sum", { min: 0 }),
  stem_type: oneOf(stemTypes, "3x3", "one convolution or several, with a pool or without"),
  stem_chs: optional(int(64, "width of the stem; the first stage's without it", { min: 1 })),
  group_size: optional(int(64, "channels per group of the 3x3 convolutions; 0 for dense ones", { min: 0 })),
  attn_layer: optional(attnName("channel attention in every block")),
  attn_kwargs: attnKwargs,
  attn_gain: number(2, "multiplies what the channel attention gives"),
  width_factor: number(1, "multiplies the channels of every layer", { min: 0 }),
  bottle_ratio: number(0.5, "width inside a block over its channels", { min: 0 }),
  num_features: int(0, "width of a last convolution; 0 for none", { min: 0 }),
  ch_div: int(8, "channels are rounded to a multiple of it", { min: 1 }),
  reg: bool(false, "blocks as in RegNet: width from the input, attention in the middle"),
  extra_conv: bool(false, "a second 3x3 convolution in every block"),
  gamma_in_act: bool(false, "the gain is in the activation and not in the weights"),
  same_padding: bool(false, "padding of the convolutions as TensorFlow does it"),
  std_conv_eps: number(1e-5, "eps of the weight standardisation", { min: 0 }),
  skipinit: bool(false, "a learned scalar on every residual"),
  zero_init_fc: inert("initialisation; no effect at inference"),
  act_layer: oneOf(actNames, "silu", "the activation"),
};

export type NfNetConfig = ConfigOf<typeof args>;
