import type { Value } from "../../ir/value.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Module, Scope } from "../scope.ts";
import { act } from "./act.ts";
import { convNormAct, type ConvNormActOptions } from "./conv-norm-act.ts";
import { conv2d } from "./conv.ts";
import { batchNorm } from "./norm.ts";
import { makeDivisible } from "./rounding.ts";
import { split } from "./split.ts";

interface SelectiveKernelOptions extends Omit<ConvNormActOptions, "kernel" | "padding"> {
  readonly ratio?: number | undefined;
  readonly divisor?: number | undefined;
  /** Width of the attention, where it does not follow from ratio and divisor. */
  readonly reduced?: number | undefined;
  /** The 5x5 kernel as a 3x3 one of twice the dilation. */
  readonly dilated?: boolean | undefined;
  /** Every path sees its part of the channels alone. */
  readonly splitInput?: boolean | undefined;
}

const kernels = [3, 5];

/**
 * Two convolutions of different reach, weighted per channel by a softmax over the two (Li et al. 2019, arXiv:1903.06586,
 * fig. 1): split, fuse, select.
 */
export const selectiveKernel =
  (
    out: number,
    { ratio = 1 / 16, divisor = 8, reduced, dilated = true, splitInput = true, ...conv }: SelectiveKernelOptions,
  ): Module =>
  (s, x) => {
    const channels = s.channels(x);
    if (splitInput && channels % kernels.length !== 0)
      throw new TimmcError("unsupported", `${channels} channels cannot be split over ${kernels.length} kernels`);
    const half = channels / kernels.length;
    const inputs = splitInput ? split(s, x, [half, half], 1) : [x, x];
    const { dilation = 1, groups = 1 } = conv;
    const paths = kernels.map((k, i) => {
      const reach = dilated ? { kernel: 3, dilation: (dilation * (k - 1)) / 2 } : { kernel: k, dilation };
      const path = convNormAct(out, { ...conv, ...reach, groups: Math.min(groups, out) });
      return s.at("paths").call(i, path, inputs[i] ?? x);
    });
    const width = reduced ?? makeDivisible(out * ratio, divisor);
    const [n = 1, , h = 1, w = 1] = (paths[0] ?? x).type.shape;
    const stacked = s.concat(
      paths.map((y) => s.reshape(y, { shape: [n, 1, out, h, w] })),
      { axis: 1 },
    );
    const weights = s.call("attn", selection(width), stacked);
    return s.reduce_sum(s.mul(stacked, weights), { axes: [1] });
  };

/** Maps [N, paths, C, H, W] to weights [N, paths, C, 1, 1]. */
const selection =
  (width: number): Module =>
  (s: Scope, stacked: Value) => {
    const [n = 1, paths = 1, c = 1] = stacked.type.shape;
    const channels = s.static(c, "the channels of a selective kernel");
    const count = s.static(paths, "the paths of a selective kernel");
    const pooled = s.reduce_mean(s.reduce_sum(stacked, { axes: [1] }), { axes: [2, 3], keep: true });
    const scores = s.chain(pooled, {
      fc_reduce: conv2d(width),
      bn: batchNorm(),
      act: act("relu"),
      fc_select: conv2d(channels * count),
    });
    return s.softmax(s.reshape(scores, { shape: [n, paths, channels, 1, 1] }), { axis: 1 });
  };
