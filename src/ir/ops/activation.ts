import { float, oneOf } from "../attr.ts";
import { unary } from "./elementwise.ts";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const clip = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);

/**
 * The error function to float64: erf(x) = 2/sqrt(pi) sum_n (-1)^n x^(2n+1) / (n! (2n+1)) for small x, and
 * 1 - erfc(x) with the continued fraction of Abramowitz and Stegun 7.1.14 elsewhere.
 */
export function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z < 2.5) {
    let term = z;
    let sum = z;
    for (let n = 1; n < 80; n++) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 80; n >= 1; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * (z + fraction)));
}

/** timm's activation names and their formulas (timm/layers/create_act.py, torch.nn). */
const formulas = {
  relu: (x) => Math.max(x, 0),
  relu6: (x) => clip(x, 0, 6),
  leaky_relu: (x, alpha) => (x < 0 ? alpha * x : x),
  elu: (x, alpha) => (x < 0 ? alpha * Math.expm1(x) : x),
  celu: (x, alpha) => (x < 0 ? alpha * Math.expm1(x / alpha) : x),
  selu: (x) => 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * Math.expm1(x) : x),
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  quick_gelu: (x) => x * sigmoid(1.702 * x),
  silu: (x) => x * sigmoid(x),
  mish: (x) => x * Math.tanh(x > 30 ? x : Math.log1p(Math.exp(x))),
  sigmoid,
  tanh: Math.tanh,
  hard_sigmoid: (x) => clip(x + 3, 0, 6) / 6,
  hard_swish: (x) => (x * clip(x + 3, 0, 6)) / 6,
  hard_mish: (x) => 0.5 * x * clip(x + 2, 0, 2),
} as const satisfies Record<string, (x: number, alpha: number) => number>;

export type ActivationKind = keyof typeof formulas;
export const activationKinds = Object.keys(formulas) as readonly ActivationKind[];

/** The activation of one number. */
export const activate = (x: number, kind: ActivationKind, alpha: number): number =>
  (formulas[kind] as (x: number, alpha: number) => number)(x, alpha);

export const activation = unary(
  "activation",
  "A named non-linearity; alpha is the slope of leaky_relu and the scale of elu and celu, and unused elsewhere.",
  (x, { kind, alpha }) => activate(x, kind, alpha),
  { kind: oneOf(activationKinds), alpha: float(0) },
);
