import type { Dim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Module, Scope } from "../scope.ts";

/** Symmetric zeros, "same" as TensorFlow does it, or "valid" for none. */
export type Padding = number | readonly [number, number] | "same" | "valid";

/** [height, width]; where a number may stand for it, it is both. */
export type Pair = readonly [number, number];
export const toPair = (v: number | Pair): Pair => (typeof v === "number" ? [v, v] : v);

export interface ConvOptions {
  readonly kernel?: number | Pair;
  readonly stride?: number | Pair;
  readonly dilation?: number;
  readonly groups?: number;
  readonly bias?: boolean;
  /** Default: timm's symmetric get_padding. */
  readonly padding?: Padding | undefined;
}

/** timm's get_padding: floor((stride - 1 + dilation (kernel - 1)) / 2). */
export const symmetricPadding = (kernel: number, stride: number, dilation: number): number =>
  Math.floor((stride - 1 + dilation * (kernel - 1)) / 2);

/** Zeros before and after that make the output ceil(x / stride) long; the odd one goes after. */
function samePadding(x: number, kernel: number, stride: number, dilation: number): Pair {
  const total = Math.max((Math.ceil(x / stride) - 1) * stride + (kernel - 1) * dilation + 1 - x, 0);
  return [Math.floor(total / 2), total - Math.floor(total / 2)];
}

/** Padding of a window over the last two axes of x, in the order of the op: before (h, w), then after. */
export function resolvePadding(
  s: Scope,
  space: readonly Dim[],
  kernel: Pair,
  { padding, stride = 1, dilation = 1 }: Pick<ConvOptions, "padding" | "stride" | "dilation">,
): number[] {
  const strides = toPair(stride);
  const sides = kernel.map((k, axis): Pair => {
    if (padding === "valid") return [0, 0];
    const step = strides[axis] ?? 1;
    const fixed = strides.every((n) => n === 1) && (dilation * (k - 1)) % 2 === 0;
    if (padding === "same" && !fixed) {
      // With stride 1 the total is dilation (kernel - 1), whatever the size.
      const extent = step === 1 ? 1 : s.static(space[axis] ?? 1, "SAME padding depends on the size");
      return samePadding(extent, k, step, dilation);
    }
    const pad =
      padding === undefined || padding === "same" ? symmetricPadding(k, step, dilation) : toPair(padding)[axis];
    return [pad ?? 0, pad ?? 0];
  });
  return [...sides.map(([before]) => before), ...sides.map(([, after]) => after)];
}

/** nn.Conv2d and timm's create_conv2d: `weight` [out, in/groups, kh, kw], `bias` [out]. Input channels are read from x. */
export const conv2d = (designed: number, options: ConvOptions = {}): Module =>
  convOfWeight(designed, options, (_, weight) => weight);

/** The same with a kernel that is computed from the stored weight. */
export const convOfWeight =
  (designed: number, options: ConvOptions, kernelOf: (s: Scope, weight: Value) => Value): Module =>
  (s, x) => {
    const out = s.width(designed);
    const { stride = 1, dilation = 1, groups = 1, bias = false } = options;
    const kernel = toPair(options.kernel ?? 1);
    const channels = s.channels(x);
    return s.conv(
      x,
      kernelOf(s, s.param("weight", [out, Math.floor(channels / groups), ...kernel])),
      bias ? s.param("bias", [out]) : undefined,
      {
        stride: toPair(stride),
        dilation: [dilation, dilation],
        padding: resolvePadding(s, x.type.shape.slice(2), kernel, options),
        groups,
      },
    );
  };

/** A convolution with one group per channel. */
export const depthwise =
  (options: Omit<ConvOptions, "groups"> = {}): Module =>
  (s, x) => {
    const channels = s.channels(x);
    return conv2d(channels, { ...options, groups: channels })(s, x);
  };
