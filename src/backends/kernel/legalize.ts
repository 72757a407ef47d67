import { type Expr, binary, childrenOf, compare, literal, select, unary } from "./expr.ts";
import { rebuild } from "./rebuild.ts";
import { type ThreadKernel, mapBody } from "./thread.ts";

/**
 * A kernel in what WGSL has. erf is Numerical Recipes' Chebyshev fit of erfc, within 1.2e-7; tanh of numbers whose
 * exponential overflows is taken of their clipped value, where it is 1 in float32.
 */
export const legalizeWgsl = (kernel: ThreadKernel): ThreadKernel => ({
  ...kernel,
  body: mapBody(kernel.body, legal),
});

function legal(x: Expr): Expr {
  const y = childrenOf(x).length === 0 ? x : rebuild(x, legal);
  if (y.kind !== "unary") return y;
  if (y.op === "erf") return erf(y.x);
  if (y.op === "tanh") return unary("tanh", binary("min", binary("max", y.x, literal(-10)), literal(10)));
  return y;
}

const coefficients = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
  0.17087277,
];

/** erfc(z) = t exp(-z^2 + p(t)) for z >= 0, with t = 1 / (1 + z / 2) (Press et al., Numerical Recipes, section 6.2). */
function erf(x: Expr): Expr {
  const z = unary("abs", x);
  const t = binary("div", literal(1), binary("add", binary("mul", z, literal(0.5)), literal(1)));
  const p = coefficients.reduceRight<Expr>((sum, c) => binary("add", binary("mul", sum, t), literal(c)), literal(0));
  const tail = binary("mul", t, unary("exp", binary("sub", p, binary("mul", z, z))));
  const positive = binary("sub", literal(1), tail);
  return select(compare("lt", x, literal(0)), unary("neg", positive), positive);
}
