import type { Value } from "../../../ir/value.ts";
import { type Expr, literal, localValue, reduce, unary, minus, mul, plus } from "../expr.ts";
import { type Index } from "../index-expr.ts";
import { type Root, type RootOf, f32, given } from "./parts.ts";
import { type Source, everywhere } from "./point.ts";
import { type OfRow, groupwise, rowwise } from "./rowwise.ts";

const epsOf = (value: Value): number => (value.attrs as { eps: number }).eps;

/** The channel's weight and bias, where there are any. */
function affine(x: Expr, channel: Index, weight: Source | undefined, bias: Source | undefined): Expr {
  const weighted = weight === undefined ? x : mul(x, weight.at([channel], everywhere));
  return bias === undefined ? weighted : plus(weighted, bias.at([channel], everywhere));
}

/**
 * (x - mean) / sqrt(variance + eps). The variance is the mean of squared differences, in a pass of its own; the mean is that
 * of differences to the row's first element, whose sums are small where a row lies far from zero.
 */
const standardised =
  (x: Source, eps: number, channelAxis: number, [weight, bias]: readonly (Source | undefined)[]): OfRow =>
  ({ at, first, axes: rows }) => {
    const [pivot, mean, factor] = [f32("pivot", rows), f32("mean", rows), f32("factor", rows)];
    const apart = (pass: number): Expr => minus(x.at(at(pass).index, everywhere), localValue(mean));
    const meanOf = (pass: number, element: Expr): Expr =>
      mul(reduce("add", [at(pass).axis], element), literal(1 / at(pass).axis.extent));
    const variance = meanOf(2, mul(apart(2), apart(2)));
    return {
      statements: [
        { kind: "let", local: pivot, value: x.at(first, everywhere) },
        {
          kind: "let",
          local: mean,
          value: plus(localValue(pivot), meanOf(1, minus(x.at(at(1).index, everywhere), localValue(pivot)))),
        },
        { kind: "let", local: factor, value: unary("rsqrt", plus(variance, literal(eps))) },
      ],
      value: affine(mul(apart(0), localValue(factor)), given(at(0).index.at(channelAxis)), weight, bias),
    };
  };

export const layerNorm: RootOf = ([x, ...parameters], value, shape): Root =>
  rowwise(shape, shape.length - 1, standardised(given(x), epsOf(value), -1, parameters));

export const groupNorm: RootOf = ([x, ...parameters], value, shape): Root =>
  groupwise(shape, (value.attrs as { groups: number }).groups, standardised(given(x), epsOf(value), 1, parameters));

export const rmsNorm: RootOf = ([x, weight], value, shape): Root =>
  rowwise(shape, shape.length - 1, ({ at, axes: rows }) => {
    const factor = f32("factor", rows);
    const element = (pass: number): Expr => given(x).at(at(pass).index, everywhere);
    const { axis } = at(1);
    const square = mul(reduce("add", [axis], mul(element(1), element(1))), literal(1 / axis.extent));
    return {
      statements: [{ kind: "let", local: factor, value: unary("rsqrt", plus(square, literal(epsOf(value)))) }],
      value: affine(mul(element(0), localValue(factor)), given(at(0).index.at(-1)), weight, undefined),
    };
  });
