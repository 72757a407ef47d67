import { evaluate } from "./evaluate.ts";
import { type Buffer, type Expr, type Local, component, localValue } from "./expr.ts";
import { type Index, type Variable, add, indexOf, scale, variable } from "./index-expr.ts";
import { type Place, type Point, laneKey, vectorOf, vectorPoints } from "./place.ts";
import { type Schedule, planOf, tileOf } from "./schedule.ts";
import type { Statement } from "./thread.ts";
import { Workgroup } from "./workgroup.ts";

/** A register that changes. */
export type Register = Extract<Expr, { kind: "local" }>;

/** What a local or a sum is in registers: one for each point of its axes. */
interface Held {
  readonly axes: readonly Variable[];
  readonly registers: ReadonlyMap<string, Expr>;
}

/** What a thread's statements are written with: where axes are, what registers hold, and the statements so far. */
export class ThreadState {
  readonly name: string;
  readonly schedule: Schedule;
  readonly workgroup: Workgroup;
  readonly places = new Map<string, Place>();
  readonly shared: Buffer[] = [];
  statements: Statement[] = [];
  /** The axes of the loops around. */
  loops: readonly Variable[] = [];
  private holding: Map<string, Held> = new Map();
  private names = 0;

  constructor(name: string, schedule: Schedule) {
    this.name = name;
    this.schedule = schedule;
    this.workgroup = new Workgroup(schedule);
  }

  holds(key: string): boolean {
    return this.holding.has(key);
  }

  fresh(): string {
    return `v${this.names++}`;
  }

  hold<E extends Expr>(key: string, axes: readonly Variable[], make: (point: Point) => E): ReadonlyMap<string, E> {
    const vector = vectorOf(this.schedule, axes);
    const registers = new Map<string, E>();
    for (const point of vectorPoints(this.schedule, axes)) registers.set(laneKey(point, axes, vector), make(point));
    this.holding.set(key, { axes, registers });
    return registers;
  }

  /** The register of a local or a sum at a point: a vector where the point takes its axis as one, else the lane. */
  held(key: string, point: Point): Expr {
    const found = this.holding.get(key);
    const vector = vectorOf(this.schedule, found?.axes ?? []);
    const value = found?.registers.get(laneKey(point, found.axes, vector));
    if (value === undefined) throw new RangeError(`${this.name}: ${key} is used before it is computed`);
    const lane = vector === undefined ? "all" : (point.get(vector.name)?.lane ?? 0);
    return lane === "all" ? value : component(value, lane);
  }

  at(x: Expr, point: Point): Expr {
    return evaluate(x, point, { places: this.places, held: (key, p) => this.held(key, p) });
  }

  /** A name for a value, so that it is computed once. */
  bind(value: Expr): Expr {
    if (value.kind === "literal") return value;
    const local: Local = { name: this.fresh(), dtype: value.dtype, lanes: value.lanes, axes: [] };
    this.statements.push({ kind: "let", local, value });
    return localValue(local);
  }

  declare(value: Expr): Register {
    const local: Local = { name: this.fresh(), dtype: value.dtype, lanes: value.lanes, axes: [] };
    this.statements.push({ kind: "var", local, value });
    return { ...localValue(local), kind: "local", local };
  }

  /** Runs `body` within loops over the tiles of the axes; inside, the axes have a place. */
  passing(axes: readonly Variable[], body: () => void): void {
    const [axis, ...rest] = axes;
    if (axis === undefined) return body();
    const tile = tileOf(planOf(this.schedule, axis));
    const steps = Math.ceil(axis.extent / tile);
    const step = variable(this.fresh(), steps);
    this.places.set(axis.name, this.placeTile(axis, scale(indexOf(step), tile)));
    const inner = this.apart(() => {
      const { loops } = this;
      if (steps > 1) this.loops = [...loops, axis];
      this.passing(rest, body);
      this.loops = loops;
    });
    const { statements } = this;
    if (steps > 1) statements.push({ kind: "for", variable: step, body: inner });
    else statements.push(...inner);
    this.places.delete(axis.name);
  }

  /** The statements of a body; what it holds is known in it only. */
  apart(body: () => void): Statement[] {
    const { statements, holding } = this;
    this.statements = [];
    this.holding = new Map(holding);
    body();
    const inner = this.statements;
    this.statements = statements;
    this.holding = holding;
    return inner;
  }

  /** Where this thread is in a tile of an axis. */
  placeTile(axis: Variable, origin: Index): Place {
    const plan = planOf(this.schedule, axis);
    const local = this.workgroup.localOf(axis);
    const ragged = axis.extent % tileOf(plan) !== 0;
    const step = this.workgroup.stepAlong(axis);
    return { axis, plan, base: add(origin, local), origin, local, step, ragged };
  }

  placeOf(axis: Variable): Place {
    const place = this.places.get(axis.name);
    if (place === undefined) throw new RangeError(`${this.name}: ${axis.name} is used outside of its loop`);
    return place;
  }

  axesOf(free: ReadonlySet<string>): readonly Variable[] {
    return [...this.places.values()].filter((p) => free.has(p.axis.name)).map((p) => p.axis);
  }
}
