import { TimmcError } from "../../ir/error.ts";
import type { Module } from "../scope.ts";
import { type ConvOptions, conv2d } from "./conv.ts";

/** A kernel extent, or one per group of channels: MixConv. */
export type Kernel = number | readonly number[];

/** n channels in equal parts, the remainder in the first. */
function split(n: number, parts: number): number[] {
  const part = Math.floor(n / parts);
  return Array.from({ length: parts }, (_, i) => (i === 0 ? n - part * (parts - 1) : part));
}

/**
 * A convolution whose channels are split over several kernel extents (Tan and Le 2019, arXiv:1907.09595): child i takes
 * the i-th part of the input to the i-th part of the output. A single extent is a plain convolution (timm's create_conv2d).
 */
export const mixedConv2d = (out: number, kernel: Kernel, options: Omit<ConvOptions, "kernel"> = {}): Module =>
  typeof kernel === "number" ? conv2d(out, { ...options, kernel }) : mixed(out, kernel, options);

const mixed =
  (out: number, kernels: readonly number[], options: Omit<ConvOptions, "kernel">): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const { groups = 1 } = options;
    if (groups !== 1 && groups !== channels)
      throw new TimmcError("unsupported", "a mixed convolution is dense or depthwise, nothing in between");
    const ins = split(channels, kernels.length);
    const outs = split(out, kernels.length);
    let from = 0;
    const parts = kernels.map((kernel, i) => {
      const part = ins[i] ?? 0;
      const y = s.slice(x, { axis: 1, range: [from, from + part] });
      from += part;
      return s.call(i, conv2d(outs[i] ?? 0, { ...options, kernel, groups: groups === 1 ? 1 : part }), y);
    });
    return s.concat(parts, { axis: 1 });
  };
