import type { Value } from "../../ir/value.ts";
import type { Module, Scope } from "../scope.ts";
import { type ActName, act } from "./act.ts";
import { conv2d } from "./conv.ts";
import { makeDivisible } from "./rounding.ts";

/** The mean over height and width, extents kept at 1: the squeeze of all of these. */
const squeeze = (s: Scope, x: Value): Value => s.reduce_mean(x, { axes: [2, 3], keep: true });

interface SqueezeExciteOptions {
  /** Of both convolutions. */
  readonly bias?: boolean;
  readonly ratio?: number;
  /** Instead of what follows from the ratio. */
  readonly width?: number;
  /** Before the activation. */
  readonly norm?: Module;
  readonly act?: ActName;
  readonly gate?: ActName;
}

/** Squeeze-and-excitation (Hu et al. 2018, fig. 1): x sigmoid(fc2(act(fc1(mean x)))). */
export const squeezeExcite =
  ({
    ratio = 1 / 16,
    width,
    norm,
    act: name = "relu",
    gate = "sigmoid",
    bias = true,
  }: SqueezeExciteOptions = {}): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const reduced = width ?? makeDivisible(channels * ratio, 8, 8, 0);
    const y = s.chain(squeeze(s, x), {
      fc1: conv2d(reduced, { bias }),
      bn: norm,
      act: act(name),
      fc2: conv2d(channels, { bias }),
      gate: act(gate),
    });
    return s.mul(x, y);
  };

/** Effective squeeze-excitation (Lee and Park 2020): one convolution, hard sigmoid. */
export const effectiveSqueezeExcite: Module = (s, x) => {
  const channels = s.channels(x);
  return s.mul(x, s.chain(squeeze(s, x), { fc: conv2d(channels, { bias: true }), gate: act("hard_sigmoid") }));
};

/**
 * Efficient channel attention (Wang et al. 2020): a 1-d convolution across channels, its kernel grown with log2 of the
 * channels that the network was designed with.
 */
export const efficientChannelAttention =
  (designed: number): Module =>
  (s, x) => {
    const [n = 1, c = 1] = x.type.shape;
    const channels = s.static(c, "the channels of channel attention");
    const t = Math.trunc(Math.abs(Math.log2(designed) + 1) / 2);
    const kernel = Math.max(t % 2 === 1 ? t : t + 1, 3);
    const pad = (kernel - 1) / 2;
    const pooled = s.reshape(s.reduce_mean(x, { axes: [2, 3] }), { shape: [n, 1, channels] });
    const mixed = s.call(
      "conv",
      (child, y) =>
        child.conv(y, child.param("weight", [1, 1, kernel]), undefined, {
          stride: [1],
          dilation: [1],
          padding: [pad, pad],
        }),
      pooled,
    );
    const gate = s.call("gate", act("sigmoid"), mixed);
    return s.mul(x, s.reshape(gate, { shape: [n, channels, 1, 1] }));
  };

/** timm's attn_layer names that are built here. */
export const attnLayers = ["se", "ese", "eca"] as const;
export type AttnLayer = (typeof attnLayers)[number];

export function channelAttention(name: AttnLayer, channels: number): Module {
  switch (name) {
    case "se":
      return squeezeExcite();
    case "ese":
      return effectiveSqueezeExcite;
    case "eca":
      return efficientChannelAttention(channels);
    default:
      return name satisfies never;
  }
}
