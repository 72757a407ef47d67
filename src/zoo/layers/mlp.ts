import type { Module } from "../scope.ts";
import { type Act, act } from "./act.ts";
import { conv2d } from "./conv.ts";
import { globalResponseNorm } from "./grn.ts";
import { linear } from "./linear.ts";

interface MlpOptions {
  readonly act?: Act;
  readonly bias?: boolean;
  /** Between the activation and fc2. */
  readonly norm?: Module | undefined;
  /** Global response normalisation there (timm's GlobalResponseNormMlp), over NHWC maps, or NCHW with `conv`. */
  readonly grn?: boolean;
  /** 1x1 convolutions on maps instead of linear layers on the last axis. */
  readonly conv?: boolean;
}

/** fc1, activation, (norm), fc2 (timm's Mlp): `hidden` wide inside, back to the width of x unless `out` is given. */
export const mlp =
  (
    hidden: number,
    { act: name = "gelu", bias = true, norm, conv = false, grn = false }: MlpOptions = {},
    out?: number,
  ): Module =>
  (s, x) => {
    const width = out ?? (conv ? s.channels(x) : s.features(x));
    const project = (n: number): Module => (conv ? conv2d(n, { bias }) : linear(n, { bias }));
    return s.chain(x, {
      fc1: project(hidden),
      act: act(name),
      norm,
      grn: grn ? globalResponseNorm(conv ? 1 : 3) : undefined,
      fc2: project(width),
    });
  };
