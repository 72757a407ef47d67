import type { ActivationKind } from "../../../ir/ops/activation.ts";
import { type Expr, binary, compare, literal, select, unary, mul, plus } from "../expr.ts";

type Formula = (x: Expr, alpha: number) => Expr;

const times = (x: Expr, k: number): Expr => binary("mul", x, literal(k));
const offset = (x: Expr, k: number): Expr => binary("add", x, literal(k));
const below = (x: Expr, y: Expr): Expr => compare("lt", x, y);
/** By comparisons, so that NaN stays NaN, which minima and maxima of devices drop. */
const atLeast = (x: Expr, low: number): Expr => select(below(x, literal(low)), literal(low), x);
const clip = (x: Expr, low: number, high: number): Expr =>
  select(below(literal(high), x), literal(high), atLeast(x, low));
const sigmoid = (x: Expr): Expr => binary("div", literal(1), offset(unary("exp", unary("neg", x)), 1));
/** e^x - 1, of which the cancellation near zero is an absolute error of an ulp of 1. */
const expMinusOne = (x: Expr): Expr => offset(unary("exp", x), -1);
const negativePart = (x: Expr, of: Expr): Expr => select(compare("lt", x, literal(0)), of, x);

/** timm's activations as expressions: see src/ir/ops/activation.ts. */
const formulas: { readonly [K in ActivationKind]: Formula } = {
  relu: (x) => atLeast(x, 0),
  relu6: (x) => clip(x, 0, 6),
  leaky_relu: (x, alpha) => negativePart(x, times(x, alpha)),
  elu: (x, alpha) => negativePart(x, times(expMinusOne(x), alpha)),
  celu: (x, alpha) => negativePart(x, times(expMinusOne(times(x, 1 / alpha)), alpha)),
  selu: (x) => times(negativePart(x, times(expMinusOne(x), 1.6732632423543772)), 1.0507009873554805),
  gelu: (x) => mul(times(x, 0.5), offset(unary("erf", times(x, Math.SQRT1_2)), 1)),
  gelu_tanh: (x) => {
    const inner = times(plus(x, times(mul(mul(x, x), x), 0.044715)), Math.sqrt(2 / Math.PI));
    return mul(times(x, 0.5), offset(unary("tanh", inner), 1));
  },
  quick_gelu: (x) => mul(x, sigmoid(times(x, 1.702))),
  silu: (x) => mul(x, sigmoid(x)),
  mish: (x) => {
    const softplus = select(compare("lt", literal(30), x), x, unary("log", offset(unary("exp", x), 1)));
    return mul(x, unary("tanh", softplus));
  },
  sigmoid,
  tanh: (x) => unary("tanh", x),
  hard_sigmoid: (x) => times(clip(offset(x, 3), 0, 6), 1 / 6),
  hard_swish: (x) => times(mul(x, clip(offset(x, 3), 0, 6)), 1 / 6),
  hard_mish: (x) => mul(times(x, 0.5), clip(offset(x, 2), 0, 2)),
};

export const activationOf = (kind: ActivationKind, x: Expr, alpha: number): Expr => formulas[kind](x, alpha);
