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

/** Batch norm of a vector, then a linear layer: the classifier of the LeViT line. Nothing for 0 classes. */
export const bnLinear = (classes: number, name = "l"): Module | undefined =>
  classes > 0 ? (s, x) => s.chain(x, { bn: batchNorm(), [name]: linear(classes) }) : undefined;

/** x plus the module `m` of x (the Residual wrapper of several families). */
export const residual =
  (module: Module): Module =>
  (s, x) =>
    s.add(x, s.call("m", module, x));
