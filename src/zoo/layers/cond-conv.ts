import { mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Module } from "../scope.ts";
import { type ConvOptions, resolvePadding, toPair } from "./conv.ts";

interface CondConvOptions extends Omit<ConvOptions, "bias"> {
  /** Weights of the experts for every sample: [N, experts]. */
  readonly routing: Value;
}

/**
 * A convolution whose kernel is a weighted sum of experts, sample by sample (Yang et al. 2019, arXiv:1904.04971): `weight`
 * holds an expert's kernel per row. A 1x1 kernel becomes one matrix per sample. Elsewhere linearity moves the weights to
 * the input, sum_e r_e conv(x, W_e) = conv([r_1 x, ..., r_E x], [W_1, ..., W_E]), which needs no convolution per sample.
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
    const weighted = s.mul(
      s.reshape(x, { shape: [n, channels, 1, h, w] }),
      s.reshape(routing, { shape: [n, 1, experts, 1, 1] }),
    );
    const rows = s.reshape(weight, { shape: [experts, out, perGroup, kh, kw] });
    const stacked = s.transpose(rows, { perm: [1, 2, 0, 3, 4] });
    return s.conv(
      s.reshape(weighted, { shape: [n, channels * experts, h, w] }),
      s.reshape(stacked, { shape: [out, perGroup * experts, kh, kw] }),
      undefined,
      {
        stride: toPair(stride),
        dilation: [dilation, dilation],
        padding: resolvePadding(s, [h, w], [kh, kw], options),
        groups,
      },
    );
  };
