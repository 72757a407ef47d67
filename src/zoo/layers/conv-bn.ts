import type { Value } from "../../ir/value.ts";
import type { Module } from "../scope.ts";
import { type ConvOptions, conv2d } from "./conv.ts";
import { linear } from "./linear.ts";
import { batchNorm } from "./norm.ts";

/** A convolution without bias and its batch norm, by the name that the family has for the convolution. */
export const convBn =
  (out: number, options: Omit<ConvOptions, "bias"> = {}, name = "c"): Module =>
  (s, x) =>
    s.chain(x, { [name]: conv2d(out, options), bn: batchNorm() });

/** The same with as many groups as channels. */
export const depthwiseBn =
  (options: Omit<ConvOptions, "bias" | "groups"> = {}, name = "c"): Module =>
  (s, x) => {
    const channels = s.channels(x);
    return convBn(channels, { ...options, groups: channels }, name)(s, x);
  };

/** Two pointwise convolutions, twice as wide inside. */
export const pointwiseMlp =
  (act: Module, name = "c"): Module =>
  (s, x) => {
    const width = s.channels(x);
    return s.chain(x, { pw1: convBn(2 * width, {}, name), act, pw2: convBn(width, {}, name) });
  };

interface ReductionOptions {
  readonly act: Module;
  /** Width inside over that of the input; without it, that of the output. */
  readonly ratio?: number;
  readonly se?: Module;
  /** One activation, `act`, called twice. */
  readonly shareAct?: boolean;
  readonly name?: string;
}

/** An inverted residual's convolutions with stride 2: pointwise, depthwise 3x3, pointwise. */
export const convReduction =
  (out: number, { act, ratio, se, shareAct = false, name = "c" }: ReductionOptions): Module =>
  (s, x) => {
    const wide = ratio === undefined ? out : ratio * s.channels(x);
    const activated = (place: 1 | 2, conv: Module, y: Value): Value =>
      s.call(shareAct ? "act" : `act${place}`, act, s.call(`conv${place}`, conv, y));
    const first = activated(1, convBn(wide, {}, name), x);
    const second = activated(2, depthwiseBn({ kernel: 3, stride: 2 }, name), first);
    return s.chain(second, { se, conv3: convBn(out, {}, name) });
  };

/** Batch norm of a vector, then a linear layer: the classifier of the LeViT line. Nothing for 0 classes. */
export const bnLinear = (classes: number, name = "l"): Module | undefined =>
  classes > 0 ? (s, x) => s.chain(x, { bn: batchNorm(), [name]: linear(classes) }) : undefined;

/** x plus the module `m` of x (the Residual wrapper of several families). */
export const residual =
  (module: Module): Module =>
  (s, x) =>
    s.add(x, s.call("m", module, x));
