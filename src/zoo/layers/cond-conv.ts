import { mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Module } from "../scope.ts";
import { type ConvOptions, padWindow, toPair } from "./conv.ts";

interface CondConvOptions extends Omit<ConvOptions, "bias"> {
  /** Weights of the experts for every sample: [N, experts]. */
  readonly routing: Value;
}

/**
 * A convolution whose kernel is a weighted sum of experts, sample by sample (Yang et al. 2019, arXiv:1904.04971): `weight`
 * holds an expert's kernel per row. A 1x1 kernel becomes one matrix per sample. Elsewhere the experts are applied side by
 * side, by linearity, conv(x, sum_e r_e W_e) = sum_e conv(r_e x, W_e), as groups of one convolution for all samples.
 */
export const condConv2d =
  (out: number, options: CondConvOptions): Module =>
  (s, x) => {
    const { routing, groups = 1, stride = 1, dilation = 1 } = options;
    const [kh, kw] = toPair(options.kernel ?? 1);
    const [n = 1, c = 1, h = 1, w = 1] = x.type.shape;
    const channels = s.static(c, "the channels of a conditional convolution");
    const experts = s.static(routing.type.shape[1] ?? 1, "the experts of a conditional convolution");
    const perGroup = channels / groups;
    const weight = s.param("weight", [experts, out * perGroup * kh * kw]);
    if (kh === 1 && kw === 1 && stride === 1 && groups === 1) {
      const kernels = s.reshape(s.matmul(routing, weight), { shape: [n, out, channels] });
      const y = s.matmul(kernels, s.reshape(x, { shape: [n, channels, mulDim(h, w)] }));
      return s.reshape(y, { shape: [n, out, h, w] });
    }
    const copies = s.mul(
      s.reshape(x, { shape: [n, 1, channels, h, w] }),
      s.reshape(routing, { shape: [n, experts, 1, 1, 1] }),
    );
    const padded = padWindow(s, s.reshape(copies, { shape: [n, experts * channels, h, w] }), [kh, kw], options);
    const y = s.conv(padded.x, s.reshape(weight, { shape: [experts * out, perGroup, kh, kw] }), undefined, {
      stride: toPair(stride),
      dilation: [dilation, dilation],
      padding: padded.padding,
      groups: experts * groups,
    });
    const [, , ...space] = y.type.shape;
    return s.reduce_sum(s.reshape(y, { shape: [n, experts, out, ...space] }), { axes: [1] });
  };
