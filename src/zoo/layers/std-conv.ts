/**
 * Convolutions with standardised weights (Qiao et al. 2019, arXiv:1903.10520): each filter has its mean subtracted and is
 * divided by its deviation, the biased one. This concerns the weights alone.
 */
import type { Value } from "../../ir/value.ts";
import type { Module, Scope } from "../scope.ts";
import { type ConvOptions, convOfWeight } from "./conv.ts";

interface StdConvOptions extends ConvOptions {
  readonly eps?: number;
}

const filter = [1, 2, 3];

function standardise(s: Scope, weight: Value, eps: number): Value {
  const centred = s.sub(weight, s.reduce_mean(weight, { axes: filter, keep: true }));
  const variance = s.reduce_mean(s.mul(centred, centred), { axes: filter, keep: true });
  return s.mul(centred, s.rsqrt(s.add(variance, s.scalar(eps))));
}

/** timm's StdConv2d. */
export const stdConv2d = (out: number, { eps = 1e-6, ...options }: StdConvOptions = {}): Module =>
  convOfWeight(out, options, (s, weight) => standardise(s, weight, eps));

interface ScaledStdConvOptions extends StdConvOptions {
  /** What the activation before it takes from the deviation (Brock et al. 2021, arXiv:2101.08692, section 4). */
  readonly gamma?: number;
}

/** timm's ScaledStdConv2d, with a bias and a learned `gain` per filter, over the root of the fan-in. */
export const scaledStdConv2d = (
  out: number,
  { eps = 1e-6, gamma = 1, bias = true, ...options }: ScaledStdConvOptions = {},
): Module =>
  convOfWeight(out, { ...options, bias }, (s, weight) => {
    const [filters = 1, ...fan] = weight.type.shape;
    const fanIn = fan.reduce<number>((n, d) => n * s.static(d, "the fan-in of a filter"), 1);
    const gain = s.mul(s.param("gain", [filters, 1, 1, 1]), s.scalar(gamma * fanIn ** -0.5));
    return s.mul(standardise(s, weight, eps), gain);
  });
