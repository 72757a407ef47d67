import type { Dim } from "../../../ir/dim.ts";
import { TimmcError } from "../../../ir/error.ts";
import type { OpName } from "../../../ir/ops/index.ts";
import { isFloat } from "../../../ir/dtype.ts";
import { type Attrs, type Value, is } from "../../../ir/value.ts";
import { type Expr, binary, cast, compare, indexValue, literal, select, unary, within } from "../expr.ts";
import { type Index, constant, div, mod, offset, scale } from "../index-expr.ts";
import { activationOf } from "./activation.ts";
import { given } from "./parts.ts";
import { broadcastIndex, reindex } from "./shape.ts";
import { gatheredPlace, isRuled } from "./table.ts";

/** A tensor as a function: its element at an index. Where the mask fails nothing is read, and the value means nothing. */
export interface Source {
  readonly shape: readonly number[];
  at(index: readonly Index[], mask: Expr): Expr;
}

/** One element of an op's result. */
interface Place<N extends OpName> {
  readonly value: Value;
  readonly index: readonly Index[];
  readonly mask: Expr;
  readonly attrs: Attrs<N>;
  readonly shape: readonly number[];
}

type Point<N extends OpName> = (operands: readonly Source[], place: Place<N>) => Expr;

export const everywhere: Expr = literal(1, "bool");

/** A truth as 1 or 0, as tensors hold it. */
const numberOf = (x: Expr): Expr => cast(x, "f32");
const truthOf = (x: Expr): Expr => (x.dtype === "bool" ? x : compare("lt", literal(0), unary("abs", x)));

/** The element of an operand that is repeated to the result's shape. */
const broadcastAt = (x: Source | undefined, { index, mask }: Pick<Place<OpName>, "index" | "mask">): Expr =>
  given(x).at(broadcastIndex(index, given(x).shape), mask);

/** Arithmetic on the elements of operands that broadcast. */
const one =
  <N extends OpName>(of: (x: Expr, attrs: Attrs<N>) => Expr): Point<N> =>
  ([x], { index, mask, attrs }) =>
    of(numberOf(given(x).at(index, mask)), attrs);

const two =
  (of: (x: Expr, y: Expr) => Expr): Point<OpName> =>
  ([x, y], place) =>
    of(numberOf(broadcastAt(x, place)), numberOf(broadcastAt(y, place)));

/** An element of the operand. */
const moved =
  <N extends OpName>(to: (place: Place<N>, from: readonly number[]) => readonly Index[]): Point<N> =>
  ([x], place) =>
    given(x).at(to(place, given(x).shape), place.mask);

type Points = { readonly [N in OpName]?: Point<N> };

/**
 * Every op that computes an element of its result from single elements of its operands. Such ops fuse into each other, ahead of
 * other kernels where they read and behind them where they store.
 */
const points: Points = {
  abs: one((x) => unary("abs", x)),
  activation: one((x, { kind, alpha }) => activationOf(kind, x, alpha)),
  add: two((x, y) => binary("add", x, y)),
  batch_norm: ([x, weight, bias, mean, variance], { index, mask, attrs: { eps } }) => {
    const channel = [given(index[1])];
    const [factor, shift, middle, spread] = [weight, bias, mean, variance].map((v) => given(v).at(channel, mask));
    const scaled = binary("mul", given(factor), unary("rsqrt", binary("add", given(spread), literal(eps))));
    const apart = binary("sub", given(x).at(index, mask), given(middle));
    return binary("add", binary("mul", apart, scaled), given(shift));
  },
  cast: one((x, { to }) => (to === "bool" ? truthOf(x) : isFloat(to) ? x : truncated(x))),
  clamp: one((x, { low, high }) => {
    const above = Number.isFinite(low) ? binary("max", x, literal(low)) : x;
    return Number.isFinite(high) ? binary("min", above, literal(high)) : above;
  }),
  concat: (xs, { index, mask, attrs: { axis } }) => joined(xs, index, mask, axis),
  cos: one((x) => unary("cos", x)),
  div: two((x, y) => binary("div", x, y)),
  equal: two((x, y) => compare("eq", x, y)),
  exp: one((x) => unary("exp", x)),
  expand: moved(({ index }, from) => broadcastIndex(index, from)),
  floor_div: two(floorDivision),
  gather: ([x], { value, index, mask, attrs: { axis } }) => {
    const [source, place] = [given(x), given(gatheredPlace(value, index))];
    return source.at(place, binary("and", mask, within(given(place[axis]), source.shape[axis] ?? 1)));
  },
  iota: (_, { index, attrs: { axis } }) => cast(indexValue(given(index[axis])), "f32"),
  less: two((x, y) => compare("lt", x, y)),
  log: one((x) => unary("log", x)),
  maximum: two((x, y) => binary("max", x, y)),
  minimum: two((x, y) => binary("min", x, y)),
  mod: two((x, y) => binary("sub", x, binary("mul", y, floorDivision(x, y)))),
  mul: two((x, y) => binary("mul", x, y)),
  neg: one((x) => unary("neg", x)),
  pad: ([x], { index, mask, attrs: { padding, mode, value } }) => {
    const source = given(x);
    const inner = index.map((i, axis) => offset(i, -fixed(padding[axis], "a padding")));
    if (mode === "reflect") return reflected(source, inner, mask);
    const inside = inner.reduce((m, i, axis) => binary("and", m, within(i, source.shape[axis] ?? 1)), everywhere);
    return select(inside, source.at(inner, binary("and", mask, inside)), literal(value));
  },
  pow: two((x, y) => binary("pow", x, y)),
  reshape: moved(({ index, shape }, from) => reindex(index, shape, from)),
  reduce_sum: ([x], { index, mask, attrs: { axes, keep } }) => {
    const { shape } = given(x);
    const kept = shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
    const at = (axis: number): Index => given(index[keep ? axis : kept.indexOf(axis)]);
    const places = axes.reduce<readonly (readonly Index[])[]>(
      (all, axis) => all.flatMap((p) => Array.from({ length: shape[axis] ?? 1 }, (_, i) => p.with(axis, constant(i)))),
      [shape.map((_, axis) => (axes.includes(axis) ? constant(0) : at(axis)))],
    );
    return places.map((p) => given(x).at(p, mask)).reduce((sum, term) => binary("add", sum, term));
  },
  resize: moved(({ index, attrs: { axes, size } }, from) =>
    index.map((at, axis) => {
      const i = axes.indexOf(axis);
      return i < 0 ? at : div(scale(at, from[axis] ?? 1), size[i] as number);
    }),
  ),
  roll: moved(({ index, attrs: { axis, shift } }, from) => {
    const extent = from[axis] ?? 1;
    const back = ((-shift % extent) + extent) % extent;
    return index.with(axis, mod(offset(given(index[axis]), back), extent));
  }),
  rsqrt: one((x) => unary("rsqrt", x)),
  sin: one((x) => unary("sin", x)),
  slice: moved(({ index, attrs: { axis, range, step } }) =>
    index.with(axis, offset(scale(given(index[axis]), step), fixed(range[0], "a slice"))),
  ),
  sqrt: one((x) => unary("sqrt", x)),
  sub: two((x, y) => binary("sub", x, y)),
  transpose: moved(({ index, attrs: { perm } }) => perm.map((_, axis) => given(index[perm.indexOf(axis)]))),
  where: ([c, x, y], place) =>
    select(truthOf(broadcastAt(c, place)), numberOf(broadcastAt(x, place)), numberOf(broadcastAt(y, place))),
};

export const pointOps: readonly string[] = Object.keys(points);

/** Ops that move elements and compute nothing. */
const movements: ReadonlySet<OpName> = new Set(["reshape", "transpose", "slice", "expand", "gather", "resize", "roll"]);

/** So many terms are summed where they are read. */
const fewTerms = 4;

const termsOf = ({ operands: [x], attrs: { axes } }: Value<"reduce_sum">): number =>
  axes.reduce((n, axis) => n * ((x?.type.shape[axis] as number | undefined) ?? 1), 1);

/** Whether a value is computed from single elements; of its op alone that is known, but for three. */
export function isPoint(value: Value): boolean {
  if (is(value, "gather")) return isRuled(value);
  if (is(value, "resize")) return value.attrs.mode === "nearest";
  if (is(value, "reduce_sum")) return termsOf(value) <= fewTerms;
  return value.op in points;
}

export const isMovement = (value: Value): boolean => movements.has(value.op) && isPoint(value);

/** The element of a point op's result at an index. */
export function pointAt(value: Value, operands: readonly Source[], index: readonly Index[], mask: Expr): Expr {
  const point = points[value.op] as Point<OpName> | undefined;
  if (point === undefined) throw new TimmcError("unsupported", `${value.op} has no kernel`);
  return point(operands, { value, index, mask, attrs: value.attrs, shape: value.type.shape as readonly number[] });
}

/** Towards zero. */
const truncated = (x: Expr): Expr =>
  select(compare("lt", x, literal(0)), unary("neg", unary("floor", unary("neg", x))), unary("floor", x));

/**
 * floor(x / y) of whole numbers: with y made positive, (x + 1/2) / y is never nearer to a whole number than 1 / 2y, which is
 * more than a quotient's rounding.
 */
function floorDivision(x: Expr, y: Expr): Expr {
  const negative = compare("lt", y, literal(0));
  const [a, b] = [select(negative, unary("neg", x), x), unary("abs", y)];
  return unary("floor", binary("div", binary("add", a, literal(0.5)), b));
}

function fixed(dim: Dim | undefined, what: string): number {
  if (typeof dim === "number") return dim;
  throw new TimmcError("unsupported", `${what} that depends on the size has no kernel`);
}

/** The element of tensors that lie one after the other along an axis. */
function joined(xs: readonly Source[], index: readonly Index[], mask: Expr, axis: number): Expr {
  const place = given(index[axis]);
  let start = 0;
  let value: Expr | undefined;
  for (const x of xs) {
    const from = start;
    start += x.shape[axis] ?? 0;
    if (place.max < from || place.min >= start) continue;
    const here = compare("lt", indexValue(place), literal(start, "i32"));
    const own = binary("and", compare("le", literal(from, "i32"), indexValue(place)), here);
    const element = x.at(index.with(axis, offset(place, -from)), binary("and", mask, own));
    value = value === undefined ? element : select(own, element, value);
  }
  return given(value);
}

/** The element of a tensor that its borders mirror: below 0 the one at -i, from the extent on the one at 2 (extent - 1) - i. */
function reflected(source: Source, index: readonly Index[], mask: Expr, axis = 0): Expr {
  const at = index[axis];
  if (at === undefined) return source.at(index, mask);
  const extent = source.shape[axis] ?? 1;
  const seen = (place: Index, where: Expr): Expr =>
    reflected(source, index.with(axis, place), binary("and", mask, where), axis + 1);
  const below = compare("lt", indexValue(at), literal(0, "i32"));
  const beyond = compare("le", literal(extent, "i32"), indexValue(at));
  const middle = seen(at, within(at, extent));
  const after =
    at.max < extent ? middle : select(beyond, seen(offset(scale(at, -1), 2 * (extent - 1)), beyond), middle);
  return at.min >= 0 ? after : select(below, seen(scale(at, -1), below), after);
}
