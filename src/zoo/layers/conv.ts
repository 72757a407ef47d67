import { type Dim, addDim, ceilDivDim, floorDivDim, isStatic, scaleDim, subDim } from "../../ir/dim.ts";
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

/**
 * Elements before and after that make the output ceil(x / stride) long; the odd one goes after. Of the total
 * max((ceil(x / s) - 1) s + r + 1 - x, 0) with r = (k - 1) d, the part of x is between -s and -1: it is never negative where
 * r + 1 >= s, and 0 where r = 0. In between it is only known of a number.
 */
function samePadding(s: Scope, x: Dim, kernel: number, stride: number, dilation: number): readonly [Dim, Dim] {
  const reach = dilation * (kernel - 1);
  if (reach === 0) return [0, 0];
  const missing = addDim(scaleDim(addDim(ceilDivDim(x, stride), -1), stride), reach + 1, scaleDim(x, -1));
  const total =
    !isStatic(missing) && reach + 1 >= stride
      ? missing
      : Math.max(s.static(missing, `SAME padding for a stride of ${stride} depends on the size`), 0);
  const before = floorDivDim(total, 2);
  return [before, subDim(total, before)];
}

/** A window's operand and the padding that is left to its op, before (h, w), then after. */
interface Padded {
  readonly x: Value;
  readonly padding: readonly number[];
}

/**
 * Padding of a window over the last two axes of x. Where it depends on a symbolic size, it is added to x, filled with
 * `fill`, and none is left to the op.
 */
export function padWindow(
  s: Scope,
  x: Value,
  kernel: Pair,
  { padding, stride = 1, dilation = 1 }: Pick<ConvOptions, "padding" | "stride" | "dilation">,
  fill = 0,
): Padded {
  const strides = toPair(stride);
  const sides = kernel.map((k, axis): readonly [Dim, Dim] => {
    if (padding === "valid") return [0, 0];
    const step = strides[axis] ?? 1;
    const fixed = strides.every((n) => n === 1) && (dilation * (k - 1)) % 2 === 0;
    // With stride 1 the total is dilation (kernel - 1), whatever the size.
    if (padding === "same" && !fixed) return samePadding(s, x.type.shape[axis + 2] ?? 1, k, step, dilation);
    const pad =
      padding === undefined || padding === "same" ? symmetricPadding(k, step, dilation) : toPair(padding)[axis];
    return [pad ?? 0, pad ?? 0];
  });
  const both = [...sides.map(([before]) => before), ...sides.map(([, after]) => after)];
  if (both.every(isStatic)) return { x, padding: both };
  const [top = 0, left = 0, bottom = 0, right = 0] = both;
  return { x: s.pad(x, { padding: [0, 0, top, left, 0, 0, bottom, right], value: fill }), padding: [0, 0, 0, 0] };
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
    const padded = padWindow(s, x, kernel, options);
    return s.conv(
      padded.x,
      kernelOf(s, s.param("weight", [out, Math.floor(channels / groups), ...kernel])),
      bias ? s.param("bias", [out]) : undefined,
      {
        stride: toPair(stride),
        dilation: [dilation, dilation],
        padding: padded.padding,
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
