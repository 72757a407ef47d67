import { storesAt } from "./evaluate.ts";
import { type Expr, binary, compare, component, indexValue, literal, splat } from "./expr.ts";
import {
  type Index,
  type Variable,
  add,
  constant,
  div,
  indexOf,
  mod,
  offset,
  scale,
  variable,
  variablesOf,
} from "./index-expr.ts";
import { type Point, coordinate, inside, laneKey, lanesOf, vectorOf, vectorPoints } from "./place.ts";
import { type Schedule, dimensionOf, planOf, tileOf } from "./schedule.ts";
import { Sums } from "./sums.ts";
import { ThreadState } from "./thread-state.ts";
import { type Statement, type ThreadKernel, blockVariables, buffersOf } from "./thread.ts";
import type { TileKernel, TileStatement } from "./tile.ts";

/**
 * From tiles to threads. Every axis is a coordinate of the thread: block, thread and register of its plan,
 *
 *     coordinate = origin of the block + place of the thread + r step + lane,
 *
 * with the registers unrolled and the lanes a vector. A tile statement becomes one statement for each register of its
 * free axes. What lies beyond an axis is masked; where threads share nothing the last block of a parallel axis moves back instead, to
 * end with the axis, and each element is stored by the thread that would have had it.
 */
export function lower(kernel: TileKernel, schedule: Schedule): ThreadKernel {
  return new Lowering(kernel, schedule).run();
}

type Store = Extract<Statement, { kind: "store" }>;

/** A store of a vector as stores of its lanes. */
const lanesOfStore = (s: Store): readonly Store[] =>
  Array.from({ length: s.value.lanes }, (_, lane) => ({
    ...s,
    index: offset(s.index, lane),
    value: component(s.value, lane),
  }));

class Lowering {
  private readonly kernel: TileKernel;
  private readonly thread: ThreadState;
  private readonly sums: Sums;

  constructor(kernel: TileKernel, schedule: Schedule) {
    this.kernel = kernel;
    this.thread = new ThreadState(kernel.name, schedule);
    this.sums = new Sums(this.thread);
  }

  run(): ThreadKernel {
    const grid = this.placeAxes();
    for (const statement of this.kernel.body) this.statement(statement);
    const { shared, statements: body } = this.thread;
    return { name: this.thread.name, ...buffersOf(body), shared, workgroup: this.thread.workgroup.size, grid, body };
  }

  /** Puts the parallel axes over blocks: the last along x, the one before along y, all others along z. */
  private placeAxes(): [number, number, number] {
    const grid: [number, number, number] = [1, 1, 1];
    const places = this.kernel.axes.toReversed().map((axis, i) => {
      const blocks = Math.ceil(axis.extent / tileOf(planOf(this.thread.schedule, axis)));
      const along = i === 0 ? 0 : i === 1 ? 1 : 2;
      const stride = grid[along];
      grid[along] = stride * blocks;
      return { axis, blocks, along, stride } as const;
    });
    for (const { axis, blocks, along, stride } of places) {
      const name = blockVariables[along];
      this.placeParallel(axis, mod(div(indexOf(variable(name, grid[along])), stride), blocks));
    }
    return grid;
  }

  private placeParallel(axis: Variable, block: Index): void {
    const plan = planOf(this.thread.schedule, axis);
    const tile = tileOf(plan);
    const isTiled = (this.thread.schedule.stages ?? 0) > 0 || this.thread.workgroup.hasMatrices;
    const lanes = plan.registers * plan.vector;
    if (!isTiled && (axis.extent % plan.vector !== 0 || lanes > axis.extent))
      throw new RangeError(`${this.thread.name}: ${lanes} lanes (${plan.vector}) for ${axis.name} of ${axis.extent}`);
    if (isTiled || axis.extent % tile === 0) {
      this.thread.places.set(axis.name, this.thread.placeTile(axis, scale(block, tile)));
      return;
    }
    const at = div(add(scale(block, tile), this.thread.workgroup.runOf(axis)), plan.vector);
    const last = (axis.extent - lanes) / plan.vector;
    const moved = variable(this.thread.fresh(), last + 1);
    const value = binary("min", indexValue(at), literal(last, "i32"));
    this.thread.statements.push({ kind: "index", variable: moved, value });
    const base = scale(indexOf(moved), plan.vector);
    const unmoved = indexValue(scale(at, plan.vector));
    this.thread.places.set(axis.name, {
      axis,
      plan,
      base,
      origin: base,
      local: constant(0),
      step: plan.vector,
      unmoved,
      ragged: false,
    });
  }

  private statement(statement: TileStatement): void {
    switch (statement.kind) {
      case "let": {
        const { local, value } = statement;
        this.sums.compute(value);
        this.thread.hold(local.name, local.axes, (point) => this.thread.bind(this.thread.at(value, point)));
        return;
      }
      case "store":
        this.store(statement);
        return;
      case "loop":
        this.loop(statement);
    }
  }

  private loop({ axis, carried, body }: Extract<TileStatement, { kind: "loop" }>): void {
    const registers = carried.map(({ local, init }) => {
      this.sums.compute(init);
      const lanes = lanesOf(this.thread.schedule, local.axes);
      return this.thread.hold(local.name, local.axes, (point) =>
        this.thread.declare(splat(this.thread.at(init, point), lanes)),
      );
    });
    this.thread.passing([axis], () => {
      for (const statement of body) this.statement(statement);
      for (const { next } of carried) this.sums.compute(next);
      const updates = carried.flatMap(({ local, next }, i) => {
        const vector = vectorOf(this.thread.schedule, local.axes);
        return vectorPoints(this.thread.schedule, local.axes).map((point) => {
          const register = registers[i]?.get(laneKey(point, local.axes, vector));
          if (register === undefined) throw new RangeError(`${this.thread.name}: no register for ${local.name}`);
          return { local: register.local, value: splat(this.thread.at(next, point), register.lanes) };
        });
      });
      const values = updates.map(({ local, value }) => ({
        local,
        value: updates.length === 1 ? value : this.thread.bind(value),
      }));
      for (const { local, value } of values) this.thread.statements.push({ kind: "assign", local, value });
    });
  }

  private store({ buffer, index, value }: Extract<TileStatement, { kind: "store" }>): void {
    this.sums.compute(value);
    const axes = this.thread.axesOf(new Set([...value.free, ...variablesOf(index)]));
    for (const point of vectorPoints(this.thread.schedule, axes)) {
      const surroundings = { places: this.thread.places, held: (key: string, p: Point) => this.thread.held(key, p) };
      const stores = storesAt(index, this.thread.at(value, point), point, surroundings).map(
        (s) => ({ kind: "store", buffer, ...s }) as const,
      );
      const condition = this.owner(axes, point);
      if (condition.lanes > 1)
        stores
          .flatMap((s) => lanesOfStore(s))
          .forEach((s, lane) =>
            this.thread.statements.push({ kind: "if", condition: component(condition, lane), body: [s] }),
          );
      else if (condition.kind !== "literal") this.thread.statements.push({ kind: "if", condition, body: stores });
      else if (condition.value !== 0) this.thread.statements.push(...stores);
    }
  }

  /** Whether this thread is the one that stores a point. */
  private owner(axes: readonly Variable[], point: Point): Expr {
    const places = axes.map((axis) => this.thread.placeOf(axis));
    let condition = inside(places, point);
    for (const place of places)
      if (place.unmoved !== undefined)
        condition = binary("and", condition, compare("le", place.unmoved, indexValue(coordinate(place, point))));
    const known = new Set(axes.flatMap((axis) => this.thread.workgroup.partsOf(dimensionOf(axis))));
    for (const part of this.thread.workgroup.parts())
      if (!known.has(part))
        condition = binary("and", condition, compare("lt", indexValue(part.index), literal(1, "i32")));
    return condition;
  }
}
