import { type Expr, binary, childrenOf, compare, literal, select, splat, unary, mul, plus } from "./expr.ts";
import { rebuild } from "./rebuild.ts";
import { type ThreadKernel, mapBody } from "./thread.ts";

/**
 * A kernel in what WGSL has (https://www.w3.org/TR/WGSL, section 15.7): no infinities and no NaN, which an implementation may
 * take to never occur, so that nothing may overflow on the way to a finite result; functions are defined, and good to a few
 * ulp, on parts of their domains only.
 */
export const legalizeWgsl = (kernel: ThreadKernel): ThreadKernel => mapKernel(kernel, wgsl);

/** A kernel in what CUDA C++ has: everything but literals that no float32 is. */
export const legalizeCuda = (kernel: ThreadKernel): ThreadKernel => mapKernel(kernel, finite);

const mapKernel = (kernel: ThreadKernel, of: (x: Expr) => Expr): ThreadKernel => {
  const legal = (x: Expr): Expr => of(childrenOf(x).length === 0 ? x : rebuild(x, legal));
  return { ...kernel, body: mapBody(kernel.body, legal) };
};

const atMost = (x: Expr, most: number): Expr => binary("min", x, literal(most));
const lessThan = (x: Expr, y: Expr): Expr => compare("lt", x, y);

const largest = 3.4028234663852886e38;

/** Literals beyond float32 become its last numbers. Throws RangeError for NaN, which no kernel computes with. */
function finite(x: Expr): Expr {
  if (x.kind !== "literal" || x.dtype !== "f32") return x;
  if (Number.isNaN(x.value)) throw new RangeError("a kernel with a literal that is no number");
  return Math.abs(x.value) <= largest ? x : literal(Math.sign(x.value) * largest);
}

function wgsl(x: Expr): Expr {
  if (x.kind === "binary" && x.op === "pow") return pow(x.x, x.y);
  if (x.kind === "load" && (x.index.max < 0 || x.index.min >= x.buffer.length)) return nothing(x);
  if (x.kind !== "unary") return finite(x);
  // e^88.7 is the last float32.
  if (x.op === "exp") return unary("exp", atMost(x.x, 88.7));
  // Of more than 10 it is 1 in float32; implementations divide exponentials.
  if (x.op === "tanh") return unary("tanh", atMost(binary("max", x.x, literal(-10)), 10));
  if (x.op === "log" || x.op === "rsqrt") return unary(x.op, binary("max", x.x, literal(smallest)));
  if (x.op === "sin" || x.op === "cos") return sine(x.x, x.op);
  return x.op === "erf" ? erf(x.x) : x;
}

/** The first normal float32: of less, logarithms and reciprocal roots are taken as of this, and not infinite. */
const smallest = 1.1754944e-38;

/** What lies outside of a buffer is masked everywhere, but a constant place there is an error to WGSL all the same. */
const nothing = (x: Expr): Expr => splat(literal(0, x.dtype), x.lanes);

/** x^y, which WGSL has as 2^(y log2 x) for positive x. Of a negative x it is defined for whole y. */
function pow(x: Expr, y: Expr): Expr {
  const power = binary("pow", unary("abs", x), y);
  const negative = lessThan(x, literal(0));
  if (y.kind !== "literal") {
    const odd = compare("eq", binary("sub", y, mul(literal(2), unary("floor", mul(y, literal(0.5))))), literal(1));
    const signed = select(binary("and", negative, odd), unary("neg", power), power);
    return select(compare("eq", y, literal(0)), literal(1), signed);
  }
  const simple = simplePowers.get(y.value);
  if (simple !== undefined) return simple(x);
  return Math.abs(y.value % 2) === 1 ? select(negative, unary("neg", power), power) : power;
}

const simplePowers: ReadonlyMap<number, (x: Expr) => Expr> = new Map([
  [0, (x: Expr) => splat(literal(1), x.lanes)],
  [1, (x: Expr) => x],
  [2, (x: Expr) => mul(x, x)],
  [3, (x: Expr) => mul(mul(x, x), x)],
  [-1, (x: Expr) => binary("div", literal(1), x)],
  [0.5, (x: Expr) => unary("sqrt", x)],
  [-0.5, (x: Expr) => unary("rsqrt", x)],
]);

/** pi in parts, the first ones short, so that their products with small whole numbers are exact (Cody and Waite 1980). */
const piParts = [3.140625, 9.670257568359375e-4, 6.277114152908325e-7, 1.2154201256553421e-10];

/** sin r = r + r^3 (a + b r^2 + ...) within 2e-8 for |r| <= pi / 2, from the last coefficient to the first. */
const sineCoefficients = [2.6083159809786594e-6, -1.9810690719168633e-4, 8.33307858556509e-3, -1.6666659712791443e-1];

/**
 * WGSL promises an absolute error of 2^-11, and that from -pi to pi. With n = round(x / pi), sin x = (-1)^n sin(x - n pi);
 * with n = floor(x / pi), cos x = -(-1)^n sin(x - (n + 1/2) pi).
 */
function sine(x: Expr, op: "sin" | "cos"): Expr {
  const turns = mul(x, literal(1 / Math.PI));
  const n = unary("floor", op === "sin" ? plus(turns, literal(0.5)) : turns);
  const halves = op === "sin" ? n : plus(n, literal(0.5));
  const r = piParts.reduce((rest, part) => binary("sub", rest, mul(halves, literal(part))), x);
  const square = mul(r, r);
  const p = sineCoefficients
    .slice(1)
    .reduce((sum, c) => plus(mul(sum, square), literal(c)), literal(sineCoefficients[0] ?? 0));
  const value = plus(mul(mul(square, p), r), r);
  const odd = binary("sub", n, mul(literal(2), unary("floor", mul(n, literal(0.5)))));
  const sign = binary("sub", literal(1), mul(literal(2), odd));
  return mul(op === "sin" ? sign : unary("neg", sign), value);
}

const coefficients = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
  0.17087277,
];

/**
 * erfc(z) = t exp(-z^2 + p(t)) for z >= 0, with t = 1 / (1 + z / 2), within 1.2e-7 (Press et al., Numerical Recipes, section
 * 6.2). Of more than 10 it is 0 in float32.
 */
function erf(x: Expr): Expr {
  const z = atMost(unary("abs", x), 10);
  const t = binary("div", literal(1), plus(mul(z, literal(0.5)), literal(1)));
  const p = coefficients.reduceRight<Expr>((sum, c) => plus(mul(sum, t), literal(c)), literal(0));
  const tail = mul(t, unary("exp", binary("sub", p, mul(z, z))));
  const positive = binary("sub", literal(1), tail);
  return select(lessThan(x, literal(0)), unary("neg", positive), positive);
}
