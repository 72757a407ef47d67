import type { HrNetConfig } from "./config.ts";

type Row = Partial<HrNetConfig>;

const full = (width: number): Row => ({ design: { width, first: [4, 64], modules: [1, 4, 3], blocks: 4 } });

/** A row per architecture: table 14 of the paper; `ssld` are PaddlePaddle's, without biases in the head. */
export const variants: Readonly<Record<string, Row>> = {
  hrnet_w18_small: { design: { width: 16, first: [1, 32], modules: [1, 1, 1], blocks: 2 } },
  hrnet_w18_small_v2: { design: { width: 18, first: [2, 64], modules: [1, 3, 2], blocks: 2 } },
  hrnet_w18: full(18),
  hrnet_w30: full(30),
  hrnet_w32: full(32),
  hrnet_w40: full(40),
  hrnet_w44: full(44),
  hrnet_w48: full(48),
  hrnet_w64: full(64),
  hrnet_w18_ssld: { ...full(18), head_conv_bias: false },
  hrnet_w48_ssld: { ...full(48), head_conv_bias: false },
};
