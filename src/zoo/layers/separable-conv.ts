import type { Module } from "../scope.ts";
import type { Act } from "./act.ts";
import { type ConvOptions, conv2d, depthwise } from "./conv.ts";
import { type NormAct, normAct } from "./norm-act.ts";

type SpatialOptions = Omit<ConvOptions, "groups" | "bias">;

/** A depthwise convolution and a 1x1 one (timm's SeparableConv2d): `conv_dw`, `conv_pw`. */
export const separableConv2d =
  (out: number, { kernel = 3, ...options }: SpatialOptions = {}): Module =>
  (s, x) =>
    s.chain(x, { conv_dw: depthwise({ ...options, kernel }), conv_pw: conv2d(out, { padding: options.padding }) });

interface SeparableNormActOptions extends SpatialOptions {
  readonly norm: NormAct;
  readonly act: Act | undefined;
}

/** The same, then `bn` with the activation inside it (timm's SeparableConvNormAct). */
export const separableConvNormAct =
  (out: number, { norm, act, ...options }: SeparableNormActOptions): Module =>
  (s, x) =>
    s.chain(separableConv2d(out, options)(s, x), { bn: normAct(norm, act) });
