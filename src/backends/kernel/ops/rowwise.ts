import type { Expr } from "../expr.ts";
import { type Index, type Variable, add, constant, indexOf, scale, variable } from "../index-expr.ts";
import type { TileStatement } from "../tile.ts";
import { type Root, axesOf, given } from "./parts.ts";
import { unflatten } from "./shape.ts";

/** The elements of a row in one pass over it. */
export interface Pass {
  readonly axis: Variable;
  /** Of the element at the axis, in a tensor of the result's shape. */
  readonly index: readonly Index[];
}

/** A row: its elements in any pass, the index of its first one, and the axes that say which row it is. */
interface Row {
  readonly at: (pass: number) => Pass;
  readonly first: readonly Index[];
  readonly axes: readonly Variable[];
}

/** What is computed of each row: statements over its axes, and an element of the result in pass 0, the last one. */
export type OfRow = (row: Row) => { statements: readonly TileStatement[]; value: Expr };

/** An op that passes the rows along an axis several times: sums first, then each element. */
export function rowwise(shape: readonly number[], axis: number, of: OfRow): Root {
  const axes = axesOf(shape, ["b", "m", "c"]).map((v, i) =>
    i === axis ? variable("c.0", v.extent) : v.name === "c" ? variable("x", v.extent) : v,
  );
  const rows = axes.filter((_, i) => i !== axis);
  const at = (pass: number): Pass => {
    const own = variable(`c.${pass}`, shape[axis] ?? 1);
    return { axis: own, index: axes.map((v, i) => indexOf(i === axis ? own : v)) };
  };
  const first = axes.map((v, i) => (i === axis ? constant(0) : indexOf(v)));
  return { axes, passed: given(axes[axis]), ...of({ at, first, axes: rows }) };
}

/**
 * The same for rows that are groups of channels with all their positions, of a result [N, C, ...]. The channels of a place
 * come one after the other, as maps that have their channels last keep them.
 */
export function groupwise(shape: readonly number[], groups: number, of: OfRow): Root {
  const [batch = 1, channels = 1, ...space] = shape;
  const width = channels / groups;
  const rows = [variable("n", batch), variable("g", groups)];
  const [n, g] = rows.map(indexOf);
  const at = (pass: number): Pass => {
    const axis = variable(`c.${pass}`, width * space.reduce((a, b) => a * b, 1));
    const place = unflatten(indexOf(axis), [...space, width]);
    const channel = add(scale(given(g), width), given(place.at(-1)));
    return { axis, index: [given(n), channel, ...place.slice(0, -1)] };
  };
  const { axis: passed, index } = at(0);
  const first = [given(n), scale(given(g), width), ...space.map(() => constant(0))];
  return { axes: [...rows, passed], index, passed, ...of({ at, first, axes: rows }) };
}
