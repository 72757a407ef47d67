import { TimmcError } from "../../../ir/error.ts";
import type { OpName } from "../../../ir/ops/index.ts";
import type { Attrs, Value } from "../../../ir/value.ts";
import { type Expr, binary, cast, compare, indexValue, literal, select, unary, within } from "../expr.ts";
import { type Index, mod, offset, scale } from "../index-expr.ts";
import { activationOf } from "./activation.ts";
import { broadcastIndex, reindex } from "./shape.ts";

/** A tensor as a function: its element at an index. Where the mask fails nothing is read, and the value means nothing. */
export interface Source {
  readonly shape: readonly number[];
  at(index: readonly Index[], mask: Expr): Expr;
}

/** One element of an op's result. */
interface Place<N extends OpName> {
  readonly index: readonly Index[];
  readonly mask: Expr;
  readonly attrs: Attrs<N>;
  readonly shape: readonly number[];
}

type Point<N extends OpName> = (operands: readonly Source[], place: Place<N>) => Expr;

export const everywhere: Expr = literal(1, "bool");

function must<T>(x: T | undefined): T {
  if (x === undefined) throw new RangeError("an operand or an axis is missing");
  return x;
}

/** Arithmetic on the elements of operands that broadcast. */
const one =
  <N extends OpName>(of: (x: Expr, attrs: Attrs<N>) => Expr): Point<N> =>
  ([x], { index, mask, attrs }) =>
    of(must(x).at(index, mask), attrs);

const two =
  (of: (x: Expr, y: Expr) => Expr): Point<OpName> =>
  ([x, y], { index, mask }) => {
    const [a, b] = [must(x), must(y)];
    return of(a.at(broadcastIndex(index, a.shape), mask), b.at(broadcastIndex(index, b.shape), mask));
  };

/** An element of the operand. */
const moved =
  <N extends OpName>(to: (place: Place<N>, from: readonly number[]) => readonly Index[]): Point<N> =>
  ([x], place) =>
    must(x).at(to(place, must(x).shape), place.mask);

type Points = { readonly [N in OpName]?: Point<N> };

/**
 * Every op that computes an element of its result from single elements of its operands. Such ops fuse into each other, ahead of
 * other kernels where they read and behind them where they store.
 */
const points: Points = {
  abs: one((x) => unary("abs", x)),
  activation: one((x, { kind, alpha }) => activationOf(kind, x, alpha)),
  add: two((x, y) => binary("add", x, y)),
  cast: one((x, { to }) => (to === "bool" ? compare("lt", literal(0), unary("abs", x)) : cast(x, "f32"))),
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
  iota: (_, { index, attrs: { axis } }) => cast(indexValue(must(index[axis])), "f32"),
  less: two((x, y) => compare("lt", x, y)),
  log: one((x) => unary("log", x)),
  maximum: two((x, y) => binary("max", x, y)),
  minimum: two((x, y) => binary("min", x, y)),
  mul: two((x, y) => binary("mul", x, y)),
  neg: one((x) => unary("neg", x)),
  pad: ([x], { index, mask, attrs: { padding, mode, value } }) => {
    const source = must(x);
    const inner = index.map((i, axis) => offset(i, -(padding[axis] ?? 0)));
    if (mode === "reflect") return reflected(source, inner, mask);
    const inside = inner.reduce((m, i, axis) => binary("and", m, within(i, source.shape[axis] ?? 1)), everywhere);
    return select(inside, source.at(inner, binary("and", mask, inside)), literal(value));
  },
  pow: two((x, y) => binary("pow", x, y)),
  reshape: moved(({ index, shape }, from) => reindex(index, shape, from)),
  roll: moved(({ index, attrs: { axis, shift } }, from) => {
    const extent = from[axis] ?? 1;
    const back = ((-shift % extent) + extent) % extent;
    return index.with(axis, mod(offset(must(index[axis]), back), extent));
  }),
  rsqrt: one((x) => unary("rsqrt", x)),
  sin: one((x) => unary("sin", x)),
  slice: moved(({ index, attrs: { axis, range, step } }) =>
    index.with(axis, offset(scale(must(index[axis]), step), staticStart(range[0]))),
  ),
  sqrt: one((x) => unary("sqrt", x)),
  sub: two((x, y) => binary("sub", x, y)),
  transpose: moved(({ index, attrs: { perm } }) => perm.map((_, axis) => must(index[perm.indexOf(axis)]))),
  where: ([c, x, y], { index, mask }) => {
    const at = (source: Source | undefined): Expr => must(source).at(broadcastIndex(index, must(source).shape), mask);
    return select(at(c), at(x), at(y));
  },
};

/** Ops that move elements and compute nothing. */
const movements: ReadonlySet<OpName> = new Set(["reshape", "transpose", "slice", "expand", "roll"]);

export const isPoint = (op: OpName): boolean => op in points;
export const isMovement = (op: OpName): boolean => movements.has(op);

/** The element of a point op's result at an index. */
export function pointAt(value: Value, operands: readonly Source[], index: readonly Index[], mask: Expr): Expr {
  const point = points[value.op] as Point<OpName> | undefined;
  if (point === undefined) throw new TimmcError("unsupported", `${value.op} has no kernel`);
  return point(operands, { index, mask, attrs: value.attrs, shape: value.type.shape as readonly number[] });
}

function staticStart(start: unknown): number {
  if (typeof start === "number") return start;
  throw new TimmcError("unsupported", "a slice whose range depends on the size has no kernel");
}

/** The element of tensors that lie one after the other along an axis. */
function joined(xs: readonly Source[], index: readonly Index[], mask: Expr, axis: number): Expr {
  const place = must(index[axis]);
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
  return must(value);
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
