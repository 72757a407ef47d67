import { type Expr, type Lanes, binary, compare, indexValue, literal, pack } from "./expr.ts";
import { type Index, type Variable, offset } from "./index-expr.ts";
import { type Plan, type Schedule, planOf } from "./schedule.ts";

/** Where an axis is: the coordinate of register 0, lane 0 of this thread is `base`. */
export interface Place {
  readonly axis: Variable;
  readonly plan: Plan;
  readonly base: Index;
  /** The first coordinate of the workgroup's tile, and how far from there this thread is: mostly they add up to the base. */
  readonly origin: Index;
  readonly local: Index;
  /** Coordinates from one register of this thread to the next. */
  readonly step: number;
  /** For a parallel axis that its tile does not divide: the coordinate before the block was moved back. */
  readonly unmoved?: Expr;
  /** Whether lanes may lie beyond the axis. */
  readonly ragged: boolean;
}

/** One register of each axis that lies in several, with one lane of it or all of them as a vector. */
export type Point = ReadonlyMap<string, Lane>;

export interface Lane {
  readonly register: number;
  readonly lane: number | "all";
}

const firstLane: Lane = { register: 0, lane: 0 };

/** Every register of the axes, the lanes of the last axis that has several as a vector, all other lanes one by one. */
export const vectorPoints = (schedule: Schedule, axes: readonly Variable[]): readonly Point[] =>
  points(schedule, axes, vectorOf(schedule, axes));

/** Every register and every lane of the axes. */
export const lanePoints = (schedule: Schedule, axes: readonly Variable[]): readonly Point[] =>
  points(schedule, axes, undefined);

export const vectorOf = (schedule: Schedule, axes: readonly Variable[]): Variable | undefined =>
  axes.findLast((axis) => planOf(schedule, axis).vector > 1);

/** How many numbers a value along these axes holds. */
export function lanesOf(schedule: Schedule, axes: readonly Variable[]): Lanes {
  const axis = vectorOf(schedule, axes);
  return axis === undefined ? 1 : planOf(schedule, axis).vector;
}

function points(schedule: Schedule, axes: readonly Variable[], vector: Variable | undefined): readonly Point[] {
  let all: Point[] = [new Map()];
  for (const axis of axes) {
    const plan = planOf(schedule, axis);
    const lanes = Array.from({ length: plan.registers }, (_, register): readonly Lane[] =>
      axis === vector
        ? [{ register, lane: "all" }]
        : Array.from({ length: plan.vector }, (_, lane): Lane => ({ register, lane })),
    ).flat();
    all = all.flatMap((point) => lanes.map((lane) => new Map([...point, [axis.name, lane]])));
  }
  return all;
}

/** The axes that a point takes as vectors: at most one. */
export const vectorAxis = (point: Point): string | undefined => [...point].find(([, { lane }]) => lane === "all")?.[0];

/** The coordinate of an axis at a point; of a vector, that of its first lane. */
export function coordinate({ axis, base, step }: Place, point: Point): Index {
  const { register, lane } = point.get(axis.name) ?? firstLane;
  return offset(base, register * step + (lane === "all" ? 0 : lane));
}

/** Whether a point lies inside of its axes: of a vector along an axis that its lanes do not divide, each lane. */
export function inside(places: readonly Place[], point: Point): Expr {
  let condition = literal(1, "bool");
  for (const { axis, base, plan, step, ragged } of places) {
    if (!ragged) continue;
    const { register, lane } = point.get(axis.name) ?? firstLane;
    const isIn = (at: number): Expr =>
      compare("lt", indexValue(offset(base, register * step + at)), literal(axis.extent, "i32"));
    const whole = axis.extent % plan.vector === 0;
    const here = whole
      ? isIn(0)
      : lane === "all"
        ? pack(Array.from({ length: plan.vector }, (_, i) => isIn(i)))
        : isIn(lane);
    condition = binary("and", condition, here);
  }
  return condition;
}

/** The registers of a point along some axes, as text, with the lanes that are not the vector's. */
export function laneKey(point: Point, axes: readonly Variable[], vector: Variable | undefined): string {
  return axes
    .map((axis) => {
      const { register, lane } = point.get(axis.name) ?? firstLane;
      return axis === vector ? `${axis.name}:${register}` : `${axis.name}:${register}.${lane}`;
    })
    .join(" ");
}
