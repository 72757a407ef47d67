import { evaluate, indexAt } from "./evaluate.ts";
import { type Expr, binary, halves, literal, load, select, splat } from "./expr.ts";
import { type Variable, coefficientOf } from "./index-expr.ts";
import { type Place, type Point, inside } from "./place.ts";
import { type Schedule, planOf } from "./schedule.ts";

/**
 * A sum of products that matrix instructions compute: `left` varies along the row axis and not along the column axis, `right` the
 * other way round, and both along the depth, over which is summed (with axes of one register).
 */
export interface MatrixProduct {
  readonly row: Variable;
  readonly column: Variable;
  readonly depth: Variable;
  readonly left: Expr;
  readonly right: Expr;
}

/** The product of matrices that a sum is under a schedule; undefined where it is none. */
export function matrixProductOf(
  sum: Extract<Expr, { kind: "reduce" }>,
  axes: readonly Variable[],
  schedule: Schedule,
): MatrixProduct | undefined {
  const { x } = sum;
  if (sum.op !== "add" || x.kind !== "binary" || x.op !== "mul") return undefined;
  const roleOf = (axis: Variable): string | undefined => planOf(schedule, axis).matrix;
  const row = axes.find((axis) => roleOf(axis) === "row");
  const column = axes.find((axis) => roleOf(axis) === "column");
  const depth = sum.axes.find((axis) => roleOf(axis) === "column");
  if (row === undefined || column === undefined || depth === undefined) return undefined;
  const others = sum.axes.filter((axis) => axis !== depth).map((axis) => planOf(schedule, axis));
  if (others.some(({ registers, vector }) => registers * vector > 1)) return undefined;
  if (planOf(schedule, row).registers % 2 !== 0 || planOf(schedule, depth).registers % 2 !== 0) return undefined;
  const fits = (a: Expr, b: Expr): boolean =>
    [a, b].every((f) => f.free.has(depth.name)) && !a.free.has(column.name) && !b.free.has(row.name);
  const [left, right] = fits(x.x, x.y) ? [x.x, x.y] : [x.y, x.x];
  return fits(left, right) ? { row, column, depth, left, right } : undefined;
}

/** Whether a factor's words of halves can be loaded as they lie. */
export const isDirect = (factor: Expr, depth: Variable): boolean =>
  factor.kind === "load" &&
  factor.buffer.storage === "f16" &&
  coefficientOf(factor.index, depth.name) === 1 &&
  factor.mask?.free.has(depth.name) !== true &&
  depth.extent % 2 === 0 &&
  factor.index.constant % 2 === 0 &&
  factor.index.terms.every(
    ({ atom, coefficient }) => coefficient % 2 === 0 || (atom.kind === "variable" && atom.variable.name === depth.name),
  );

/** Where a factor is read from: memory at places, or registers. */
interface FactorAt {
  readonly places: ReadonlyMap<string, Place>;
  held(key: string, point: Point): Expr;
}

/** Two elements of a factor next to each other along the depth, as a word; zero beyond the depth. */
export function halvesAt(factor: Expr, depth: Variable, point: Point, at: FactorAt): Expr {
  if (factor.kind === "load" && isDirect(factor, depth)) {
    const { register = 0 } = point.get(depth.name) ?? {};
    const first = new Map([...point, [depth.name, { register, lane: 0 }]]);
    const own = factor.mask === undefined ? literal(1, "bool") : evaluate(factor.mask, first, at);
    const present = inside(
      [...at.places.values()].filter((p) => factor.free.has(p.axis.name)),
      first,
    );
    return load(factor.buffer, indexAt(factor.index, first, at), binary("and", own, present), 1, "f16x2");
  }
  const place = at.places.get(depth.name);
  const present = place === undefined ? literal(1, "bool") : inside([place], point);
  return halves(splat(select(present, evaluate(factor, point, at), literal(0)), 2));
}
