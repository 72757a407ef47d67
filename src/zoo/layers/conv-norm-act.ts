import type { Module } from "../scope.ts";
import type { Act } from "./act.ts";
import { type AaLayer, antiAlias } from "./blur-pool.ts";
import { type ConvOptions, conv2d } from "./conv.ts";
import { type NormAct, normAct } from "./norm-act.ts";

export interface ConvNormActOptions extends ConvOptions {
  readonly stride?: number;
  readonly norm: NormAct;
  /** The activation; none with undefined (timm's apply_act=False). */
  readonly act: Act | undefined;
  /** Takes the stride from the convolution, after the activation. */
  readonly aa?: AaLayer | undefined;
}

/** timm's ConvNormAct: `conv` without a bias, then `bn` with the activation inside it, then `aa` where there is a stride. */
export const convNormAct =
  (out: number, { norm, act, aa, stride = 1, ...conv }: ConvNormActOptions): Module =>
  (s, x) => {
    const blurs = aa !== undefined && stride > 1;
    return s.chain(x, {
      conv: conv2d(out, { ...conv, stride: blurs ? 1 : stride }),
      bn: normAct(norm, act),
      aa: blurs ? antiAlias(aa, stride) : undefined,
    });
  };
