import type { ResizeOptions } from "../../../ir/ops/resize.ts";
import {
  type Expr,
  binary,
  cast,
  compare,
  indexValue,
  literal,
  reduce,
  select,
  unary,
  within,
  minus,
  mul,
  plus,
} from "../expr.ts";
import { type Index, type Variable, add, constant, div, indexOf, offset, scale, variable } from "../index-expr.ts";
import { type RootOf, axesOf, given } from "./parts.ts";
import { everywhere } from "./point.ts";

interface Resized extends ResizeOptions {
  readonly axes: readonly number[];
  readonly size: readonly number[];
}

/** What one axis of the result reads: the entry `place` of the operand where `mask` holds, times `weight`, for each step of a window. */
interface Taps {
  readonly window: Variable;
  readonly place: Index;
  readonly mask: Expr;
  readonly weight: Expr;
}

/**
 * Interpolation as sums over a window for each resized axis: see src/ir/ops/resize.ts for which entries count. The centre of
 * an element of the result is numerator / denominator, of integers, so that the window begins exactly where it should. Beyond
 * the border the last entry counts, or with antialiasing none, and the weights of those that do are brought to a sum of 1.
 */
export const resize: RootOf = ([x], value, shape) => {
  const options = value.attrs as unknown as Resized;
  const source = given(x);
  const axes = axesOf(shape, ["n", "o", "y", "x"]);
  const taps = options.axes.map((axis, i) =>
    tapsOf(axes, axis, source.shape[axis] ?? 1, options.size[i] ?? 1, options),
  );
  const index = axes.map((axis, i) => taps[options.axes.indexOf(i)]?.place ?? indexOf(axis));
  const mask = taps.reduce((m, tap) => binary("and", m, tap.mask), everywhere);
  const weight = taps.map((tap) => tap.weight).reduce(mul, literal(1));
  const windows = taps.map((tap) => tap.window);
  const sum = reduce("add", windows, select(mask, mul(weight, source.at(index, mask)), literal(0)));
  if (!options.antialias) return { axes, statements: [], value: sum };
  const total = taps
    .map((tap) => reduce("add", [tap.window], select(tap.mask, tap.weight, literal(0))))
    .reduce(mul, literal(1));
  return { axes, statements: [], value: binary("div", sum, total) };
};

function tapsOf(axes: readonly Variable[], axis: number, from: number, to: number, options: Resized): Taps {
  const at = indexOf(given(axes[axis]));
  const { numerator, denominator } = centre(at, from, to, options);
  const support = options.mode === "linear" ? 1 : 2;
  // With antialiasing the filter is as wide as an element of the smaller grid.
  const reach = options.antialias ? support * 2 * Math.max(from, to) : 0;
  const first = options.antialias
    ? div(offset(numerator, -reach), denominator)
    : offset(div(numerator, denominator), 1 - support);
  const count = options.antialias ? Math.ceil((2 * reach) / denominator) + 2 : 2 * support;
  const window = variable(`k${axis}`, count);
  const place = add(first, indexOf(window));
  const unit = options.antialias ? 2 * Math.max(from, to) : denominator;
  const apart = cast(indexValue(add(scale(place, denominator), scale(numerator, -1))), "f32");
  const weight = filter(mul(apart, literal(1 / unit)), options);
  if (options.antialias) return { window, place, mask: within(place, from), weight };
  const kept = clamped(place, from, support);
  return { window, place: kept, mask: within(kept, from), weight };
}

/** Where the centre of an element lies between those of the operand. */
function centre(at: Index, from: number, to: number, o: Resized): { numerator: Index; denominator: number } {
  if (!o.align_corners) return { numerator: offset(scale(at, 2 * from), from - to), denominator: 2 * to };
  return to === 1
    ? { numerator: constant(0), denominator: 1 }
    : { numerator: scale(at, from - 1), denominator: to - 1 };
}

/** The nearest place inside for one at most `beyond` outside: each step moves what is outside by one. */
function clamped(place: Index, extent: number, beyond: number): Index {
  let out = place;
  if (place.min >= 0 && place.max < extent) return out;
  for (let i = 0; i < beyond; i++) out = add(out, scale(div(out, extent), -1));
  return out;
}

/** The weight of an entry at a distance of t from the centre. */
function filter(t: Expr, { mode, antialias }: Resized): Expr {
  const x = unary("abs", t);
  if (mode === "linear") return binary("max", literal(0), minus(literal(1), x));
  const a = antialias ? -0.5 : -0.75;
  const times = (y: Expr, k: number): Expr => mul(y, literal(k));
  const more = (y: Expr, k: number): Expr => plus(y, literal(k));
  const near = more(mul(mul(more(times(x, a + 2), -(a + 3)), x), x), 1);
  const far = times(more(mul(more(mul(more(x, -5), x), 8), x), -4), a);
  return select(compare("lt", x, literal(1)), near, select(compare("lt", x, literal(2)), far, literal(0)));
}
