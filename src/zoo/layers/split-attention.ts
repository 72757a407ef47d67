import type { Module } from "../scope.ts";
import { type ActName, act } from "./act.ts";
import { type ConvOptions, conv2d } from "./conv.ts";
import { makeDivisible } from "./rounding.ts";

interface SplitAttentionOptions extends ConvOptions {
  /** Splits of each group; at least 1. */
  readonly radix: number;
  readonly norm: Module | undefined;
  readonly act?: ActName;
}

/**
 * A convolution to `radix` maps of `out` channels, summed with weights from a softmax over the splits, or gated with
 * radix 1 (Zhang et al. 2020, ResNeSt, arXiv:2004.08955, fig. 2). Groups are the paper's cardinality.
 */
export const splitAttention =
  (out: number, { radix, norm, act: name = "relu", ...conv }: SplitAttentionOptions): Module =>
  (s, x) => {
    const { groups = 1 } = conv;
    const channels = s.channels(x);
    const reduced = makeDivisible((channels * radix) / 4, 8, 32);
    const maps = s.chain(x, {
      conv: conv2d(out * radix, { ...conv, groups: groups * radix }),
      bn0: norm,
      act0: act(name),
    });
    const [n = 1, , h = 1, w = 1] = maps.type.shape;
    const splits = s.reshape(maps, { shape: [n, radix, out, h, w] });
    const sum = radix > 1 ? s.reduce_sum(splits, { axes: [1] }) : maps;
    const scores = s.chain(s.reduce_mean(sum, { axes: [2, 3], keep: true }), {
      fc1: conv2d(reduced, { bias: true, groups }),
      bn1: norm,
      act1: act(name),
      fc2: conv2d(out * radix, { bias: true, groups }),
    });
    const weights = s.call("rsoftmax", radixSoftmax(radix, groups), scores);
    if (radix === 1) return s.mul(maps, weights);
    const perSplit = s.reshape(weights, { shape: [n, radix, out, 1, 1] });
    return s.reduce_sum(s.mul(splits, perSplit), { axes: [1] });
  };

/** Scores [N, groups radix C, 1, 1] to weights [N, radix groups C, 1, 1] that sum to 1 over the splits. */
const radixSoftmax =
  (radix: number, groups: number): Module =>
  (s, x) => {
    if (radix === 1) return s.activation(x, { kind: "sigmoid" });
    const [n = 1, c = 1] = x.type.shape;
    const channels = s.static(c, "the channels of split attention");
    const byGroup = s.reshape(x, { shape: [n, groups, radix, channels / groups / radix] });
    const weights = s.softmax(s.transpose(byGroup, { perm: [0, 2, 1, 3] }), { axis: 1 });
    return s.reshape(weights, { shape: [n, channels, 1, 1] });
  };
