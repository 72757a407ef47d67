import {
  type Buffer,
  type Expr,
  type Lanes,
  type Local,
  type ReduceOp,
  binary,
  cast,
  compare,
  component,
  indexValue,
  literal,
  load,
  localValue,
  pack,
  select,
  splat,
  unary,
} from "./expr.ts";
import {
  type Index,
  type Variable,
  add,
  coefficientOf,
  constant,
  div,
  indexOf,
  isMultiple,
  mod,
  offset,
  scale,
  substitute,
  variable,
  variablesOf,
} from "./index-expr.ts";
import { type Plan, type Schedule, dimensionOf, planOf } from "./schedule.ts";
import { type Statement, type ThreadKernel, blockVariables, threadVariable } from "./thread.ts";
import type { TileKernel, TileStatement } from "./tile.ts";

/**
 * From tiles to threads. Every axis is a coordinate of the thread: block, thread and register of its plan,
 *
 *     coordinate = ((block threads + thread) registers + r) vector + lane,
 *
 * with the registers unrolled and the lanes a vector. A tile statement becomes one statement for each register of its
 * free axes. The last block of a parallel axis moves back to end with the axis, and each element is stored by the thread that would
 * have had it; the last tile of another axis is masked.
 */
export function lower(kernel: TileKernel, schedule: Schedule): ThreadKernel {
  return new Lowering(kernel, schedule).run();
}

/** Where an axis is: the coordinate of register 0, lane 0, and what holds its lanes inside of its extent. */
interface Place {
  readonly axis: Variable;
  readonly plan: Plan;
  readonly base: Index;
  /** For a parallel axis that its tile does not divide: the coordinate before it was moved back. */
  readonly unmoved?: Expr;
  /** Whether lanes may lie beyond the axis. */
  readonly ragged: boolean;
}

/** A register and a lane of each axis that lies in several. */
type Point = ReadonlyMap<string, { readonly register: number; readonly lane: number }>;

const neutral: Record<ReduceOp, number> = { add: 0, max: -3.0e38 };

class Lowering {
  private readonly kernel: TileKernel;
  private readonly schedule: Schedule;
  private readonly places = new Map<string, Place>();
  /** The registers of locals and of sums, by name or key and then by point. */
  private readonly registers = new Map<string, Map<string, Expr>>();
  private readonly localAxes = new Map<string, readonly Variable[]>();
  private readonly buffers = new Set<Buffer>();
  private readonly writes = new Set<Buffer>();
  private readonly shared: Buffer[] = [];
  private readonly threads: ReadonlyMap<string, { readonly count: number; readonly index: Index; readonly stride: number }>;
  private readonly workgroup: number;
  /** The parallel axis whose lanes are vectors. */
  private readonly vector: Variable | undefined;
  private statements: Statement[] = [];
  private names = 0;

  constructor(kernel: TileKernel, schedule: Schedule) {
    this.kernel = kernel;
    this.schedule = schedule;
    const vectors = kernel.axes.filter((axis) => planOf(schedule, axis).vector > 1);
    if (vectors.length > 1) throw new RangeError(`${kernel.name}: two parallel axes with vectors`);
    this.vector = vectors[0];
    const dimensions = Object.entries(schedule).filter(([, plan]) => plan.threads > 1);
    this.workgroup = dimensions.reduce((n, [, plan]) => n * plan.threads, 1);
    const local = indexOf(variable(threadVariable, this.workgroup));
    let stride = 1;
    const threads = new Map<string, { count: number; index: Index; stride: number }>();
    for (const [name, { threads: count }] of dimensions.toReversed()) {
      threads.set(name, { count, index: mod(div(local, stride), count), stride });
      stride *= count;
    }
    this.threads = threads;
  }

  run(): ThreadKernel {
    const grid = this.placeAxes();
    for (const statement of this.kernel.body) this.statement(statement);
    const { buffers, writes, shared, workgroup } = this;
    return { name: this.kernel.name, buffers: [...buffers], writes, shared, workgroup, grid, body: this.statements };
  }

  private fresh(): string {
    return `v${this.names++}`;
  }

  /** Puts the parallel axes over blocks: the last along x, the one before along y, all others along z. */
  private placeAxes(): [number, number, number] {
    const grid: [number, number, number] = [1, 1, 1];
    this.kernel.axes.toReversed().forEach((axis, i) => {
      const plan = planOf(this.schedule, axis);
      const lanes = plan.registers * plan.vector;
      const blocks = Math.ceil(axis.extent / (plan.threads * lanes));
      const along = Math.min(i, 2);
      const stride = grid[along] ?? 1;
      grid[along] = stride * blocks;
      const block = { along, stride, blocks };
      this.placeParallel(axis, plan, block);
    });
    // The number of blocks along z is known only when all axes are placed.
    const known = (v: Variable): Index | undefined => {
      const along = blockVariables.findIndex((name) => name === v.name);
      return along < 0 ? undefined : indexOf(variable(v.name, grid[along] ?? 1));
    };
    for (const [name, place] of this.places) this.places.set(name, { ...place, base: substitute(place.base, known) });
    return grid;
  }

  private placeParallel(
    axis: Variable,
    plan: Plan,
    { along, stride, blocks }: { along: number; stride: number; blocks: number },
  ): void {
    const lanes = plan.registers * plan.vector;
    if (axis.extent % plan.vector !== 0 || lanes > axis.extent)
      throw new RangeError(`${this.kernel.name}: ${lanes} lanes (${plan.vector}) for ${axis.name} of ${axis.extent}`);
    const block = mod(div(indexOf(variable(blockVariables[along] ?? "", stride * blocks)), stride), blocks);
    const at = scale(add(scale(block, plan.threads), this.thread(axis)), plan.registers);
    const ragged = axis.extent % (plan.threads * lanes) !== 0;
    if (!ragged) {
      this.places.set(axis.name, { axis, plan, base: scale(at, plan.vector), ragged: false });
      return;
    }
    const last = (axis.extent - lanes) / plan.vector;
    const moved = variable(this.fresh(), last + 1);
    this.statements.push({
      kind: "index",
      variable: moved,
      value: binary("min", indexValue(at), literal(last, "i32")),
    });
    const base = scale(indexOf(moved), plan.vector);
    this.places.set(axis.name, { axis, plan, base, unmoved: indexValue(scale(at, plan.vector)), ragged: false });
  }

  private thread(axis: Variable): Index {
    return this.threads.get(dimensionOf(axis))?.index ?? constant(0);
  }

  private statement(statement: TileStatement): void {
    switch (statement.kind) {
      case "let":
        this.define(statement.local, statement.value);
        return;
      case "store":
        this.store(statement.buffer, statement.index, statement.value);
        return;
      case "loop":
        this.loop(statement);
    }
  }

  private define(local: Local, value: Expr): void {
    this.sums(value);
    const registers = new Map<string, Expr>();
    for (const point of this.points(local.axes)) registers.set(keyOf(point), this.bind(this.evaluate(value, point)));
    this.registers.set(local.name, registers);
    this.localAxes.set(local.name, local.axes);
  }

  /** A name for a value, so that it is computed once. */
  private bind(value: Expr): Expr {
    if (value.kind === "literal" || value.kind === "local") return value;
    const local: Local = { name: this.fresh(), dtype: value.dtype, lanes: value.lanes, axes: [] };
    this.statements.push({ kind: "let", local, value });
    return localValue(local);
  }

  private declare(value: Expr): Extract<Expr, { kind: "local" }> {
    const local: Local = { name: this.fresh(), dtype: value.dtype, lanes: value.lanes, axes: [] };
    this.statements.push({ kind: "var", local, value });
    return localValue(local) as Extract<Expr, { kind: "local" }>;
  }

  private loop({ axis, carried, body }: Extract<TileStatement, { kind: "loop" }>): void {
    const held = carried.map(({ local, init }) => {
      this.sums(init);
      const registers = new Map<string, Extract<Expr, { kind: "local" }>>();
      for (const point of this.points(local.axes)) {
        const value = splat(this.evaluate(init, point), this.lanesOf(local.axes));
        registers.set(keyOf(point), this.declare(value));
      }
      this.registers.set(local.name, registers);
      this.localAxes.set(local.name, local.axes);
      return registers;
    });
    this.passing([axis], () => {
      for (const statement of body) this.statement(statement);
      for (const { next } of carried) this.sums(next);
      const updates = carried.flatMap(({ local, next }, i) =>
        this.points(local.axes).map((point) => {
          const register = held[i]?.get(keyOf(point));
          if (register === undefined) throw new RangeError(`no register for ${local.name}`);
          return { local: register.local, value: splat(this.evaluate(next, point), register.lanes) };
        }),
      );
      const values = updates.length === 1 ? updates : updates.map(({ local, value }) => ({ local, value: this.bind(value) }));
      for (const { local, value } of values) this.statements.push({ kind: "assign", local, value });
    });
  }

  /** Runs `body` within loops over the tiles of the axes; inside, the axes have a place. */
  private passing(axes: readonly Variable[], body: () => void): void {
    const [axis, ...rest] = axes;
    if (axis === undefined) return body();
    const plan = planOf(this.schedule, axis);
    const lanes = plan.registers * plan.vector;
    const steps = Math.ceil(axis.extent / (plan.threads * lanes));
    const step = variable(this.fresh(), steps);
    const base = scale(add(scale(indexOf(step), plan.threads), this.thread(axis)), lanes);
    this.places.set(axis.name, { axis, plan, base, ragged: axis.extent % (plan.threads * lanes) !== 0 });
    const outer = this.statements;
    if (steps > 1) this.statements = [];
    this.passing(rest, body);
    if (steps > 1) {
      const inner = this.statements;
      this.statements = outer;
      this.statements.push({ kind: "for", variable: step, body: inner });
    }
    this.places.delete(axis.name);
  }

  /** Computes every sum inside of an expression, the inner ones first. */
  private sums(x: Expr): void {
    for (const child of childrenOf(x)) if (child.kind !== "reduce" && x.kind !== "reduce") this.sums(child);
      else if (child.kind === "reduce") this.sums(child);
    if (x.kind === "reduce") this.sum(x);
  }

  private sum(x: Extract<Expr, { kind: "reduce" }>): void {
    const axes = this.axesOf(x.free);
    const points = this.points(axes);
    const start = splat(literal(neutral[x.op]), this.lanesOf(axes));
    const held = new Map(points.map((point) => [keyOf(point), this.declare(start)]));
    const unplaced = x.axes.filter((a) => !this.places.has(a.name));
    this.passing(unplaced, () => {
      this.sums(x.x);
      for (const inner of this.lanePoints(x.axes))
        for (const point of points) {
          const register = held.get(keyOf(point));
          if (register === undefined) continue;
          const all = new Map([...point, ...inner]);
          const mask = this.inside(x.axes, all);
          const term = splat(select(mask, this.evaluate(x.x, all), literal(neutral[x.op])), register.lanes);
          this.statements.push({ kind: "assign", local: register.local, value: binary(x.op, register, term) });
        }
    });
    this.across(x.axes, x.op, [...held.values()]);
    this.registers.set(x.key, held);
    this.localAxes.set(x.key, axes);
  }

  /** Brings together what the threads of a dimension hold, by halves, through memory of the workgroup. */
  private across(axes: readonly Variable[], op: ReduceOp, held: readonly Extract<Expr, { kind: "local" }>[]): void {
    for (const dimension of new Set(axes.map(dimensionOf))) {
      const group = this.threads.get(dimension);
      if (group === undefined) continue;
      const local = indexOf(variable(threadVariable, this.workgroup));
      for (const register of held) {
        const length = this.workgroup * register.lanes;
        const buffer: Buffer = { name: this.fresh(), space: "workgroup", storage: "f32", length };
        this.shared.push(buffer);
        const own = scale(local, register.lanes);
        this.statements.push({ kind: "store", buffer, index: own, value: register }, { kind: "barrier" });
        for (let half = group.count / 2; half >= 1; half /= 2) {
          const partner = offset(own, half * group.stride * register.lanes);
          const first = compare("lt", indexValue(group.index), literal(half, "i32"));
          const both = binary(op, load(buffer, own, undefined, register.lanes), load(buffer, partner, first, register.lanes));
          this.statements.push(
            { kind: "if", condition: first, body: [{ kind: "store", buffer, index: own, value: both }] },
            { kind: "barrier" },
          );
        }
        const head = scale(add(local, scale(group.index, -group.stride)), register.lanes);
        const safe = variable(this.fresh(), this.workgroup);
        this.statements.push({ kind: "index", variable: safe, value: indexValue(add(local, scale(group.index, -group.stride))) });
        void head;
        const result = load(buffer, scale(indexOf(safe), register.lanes), undefined, register.lanes);
        this.statements.push({ kind: "assign", local: register.local, value: result });
      }
    }
  }

  private store(buffer: Buffer, index: Index, value: Expr): void {
    this.sums(value);
    this.writes.add(buffer);
    this.buffers.add(buffer);
    const axes = this.axesOf(new Set([...value.free, ...variablesOf(index)]));
    for (const point of this.points(axes)) {
      const at = substitute(index, (v) => this.coordinate(v, point));
      const number = this.evaluate(value, point);
      const stores = this.vectorStores(buffer, index, at, number, axes);
      const owner = this.owner(axes, point);
      const body = owner.kind === "literal" ? stores : [{ kind: "if", condition: owner, body: stores } as const];
      this.statements.push(...body);
    }
  }

  private vectorStores(buffer: Buffer, index: Index, at: Index, value: Expr, axes: readonly Variable[]): Statement[] {
    const axis = this.vector;
    const lanes = this.lanesOf(axes);
    if (axis === undefined || lanes === 1) return [{ kind: "store", buffer, index: at, value }];
    const whole = splat(value, lanes);
    const step = coefficientOf(index, axis.name);
    if (step === 1 && isMultiple(at, lanes)) return [{ kind: "store", buffer, index: at, value: whole }];
    return Array.from({ length: lanes }, (_, lane) => ({
      kind: "store",
      buffer,
      index: this.laneIndex(index, at, axis, lane),
      value: component(whole, lane),
    }));
  }

  /** Whether this thread is the one that stores a point. */
  private owner(axes: readonly Variable[], point: Point): Expr {
    let condition = literal(1, "bool");
    for (const axis of axes) {
      const place = this.placeOf(axis);
      if (place.unmoved !== undefined)
        condition = binary("and", condition, compare("le", place.unmoved, indexValue(this.at(axis, point))));
      if (place.ragged) condition = binary("and", condition, this.inside([axis], point));
    }
    for (const [dimension, group] of this.threads)
      if (!axes.some((axis) => dimensionOf(axis) === dimension))
        condition = binary("and", condition, compare("lt", indexValue(group.index), literal(1, "i32")));
    return condition;
  }

  private inside(axes: readonly Variable[], point: Point): Expr {
    let condition = literal(1, "bool");
    for (const axis of axes)
      if (this.placeOf(axis).ragged)
        condition = binary(
          "and",
          condition,
          compare("lt", indexValue(this.at(axis, point)), literal(axis.extent, "i32")),
        );
    return condition;
  }

  private placeOf(axis: Variable): Place {
    const place = this.places.get(axis.name);
    if (place === undefined) throw new RangeError(`${this.kernel.name}: ${axis.name} is used outside of its loop`);
    return place;
  }

  private coordinate(v: Variable, point: Point): Index | undefined {
    return this.places.has(v.name) ? this.at(v, point) : undefined;
  }

  private at(axis: Variable, point: Point): Index {
    const { base, plan } = this.placeOf(axis);
    const { register, lane } = point.get(axis.name) ?? { register: 0, lane: 0 };
    return offset(base, register * plan.vector + lane);
  }

  private axesOf(free: ReadonlySet<string>): readonly Variable[] {
    return [...this.places.values()].filter((p) => free.has(p.axis.name)).map((p) => p.axis);
  }

  /** How many numbers a value along these axes holds. */
  private lanesOf(axes: readonly Variable[]): Lanes {
    return this.vector !== undefined && axes.some((a) => a.name === this.vector?.name)
      ? planOf(this.schedule, this.vector).vector
      : 1;
  }

  /** Every register of the axes, the lanes of the vector together, those of other axes one by one. */
  private points(axes: readonly Variable[]): readonly Point[] {
    let points: Point[] = [new Map()];
    for (const axis of axes) {
      const { registers, vector } = planOf(this.schedule, axis);
      const lanes = axis.name === this.vector?.name ? 1 : vector;
      points = points.flatMap((point) =>
        Array.from({ length: registers * lanes }, (_, i) => {
          const at = { register: Math.floor(i / lanes), lane: i % lanes };
          return new Map([...point, [axis.name, at] as const]);
        }),
      );
    }
    return points;
  }

  private lanePoints(axes: readonly Variable[]): readonly Point[] {
    return this.points(axes);
  }

  /** The value of an expression at a point, in terms of the thread. */
  private evaluate(x: Expr, point: Point): Expr {
    switch (x.kind) {
      case "literal":
        return x;
      case "index":
        return this.laneValue(x.index, point);
      case "load":
        return this.load(x, point);
      case "local":
        return this.held(x.local.name, point);
      case "reduce":
        return this.held(x.key, point);
      case "unary":
        return unary(x.op, this.evaluate(x.x, point));
      case "binary":
        return binary(x.op, this.evaluate(x.x, point), this.evaluate(x.y, point));
      case "compare":
        return compare(x.op, this.evaluate(x.x, point), this.evaluate(x.y, point));
      case "select":
        return select(
          this.evaluate(x.condition, point),
          this.evaluate(x.x, point),
          this.evaluate(x.y, point),
        );
      case "cast":
        return cast(this.evaluate(x.x, point), x.dtype);
      case "pack":
        return pack(x.parts.map((part) => this.evaluate(part, point)));
      case "component":
        return component(this.evaluate(x.x, point), x.lane);
    }
  }

  private held(name: string, point: Point): Expr {
    const axes = this.localAxes.get(name) ?? [];
    const key = keyOf(new Map(axes.map((a) => [a.name, point.get(a.name) ?? { register: 0, lane: 0 }])));
    const found = this.registers.get(name)?.get(key);
    if (found === undefined) throw new RangeError(`${this.kernel.name}: ${name} is used before it is computed`);
    return found;
  }

  private laneValue(index: Index, point: Point): Expr {
    const at = substitute(index, (v) => this.coordinate(v, point));
    const axis = this.vector;
    if (axis === undefined || !variablesOf(index).has(axis.name)) return indexValue(at);
    const { vector } = planOf(this.schedule, axis);
    return pack(Array.from({ length: vector }, (_, lane) => indexValue(this.laneIndex(index, at, axis, lane))));
  }

  /** An index at another lane of the vector. */
  private laneIndex(index: Index, at: Index, axis: Variable, lane: number): Index {
    const step = coefficientOf(index, axis.name);
    if (step !== undefined) return offset(at, step * lane);
    throw new RangeError(`${this.kernel.name}: an index that is not linear along ${axis.name} (${index.key}) has no vectors`);
  }

  private load(x: Extract<Expr, { kind: "load" }>, point: Point): Expr {
    this.buffers.add(x.buffer);
    const at = substitute(x.index, (v) => this.coordinate(v, point));
    const ragged = this.axesOf(variablesOf(x.index)).filter((axis) => this.placeOf(axis).ragged);
    const own = x.mask === undefined ? literal(1, "bool") : this.evaluate(x.mask, point);
    const mask = binary("and", own, this.inside(ragged, point));
    const axis = this.vector;
    if (axis !== undefined && variablesOf(x.index).has(axis.name)) {
      const { vector } = planOf(this.schedule, axis);
      if (mask.lanes === 1 && coefficientOf(x.index, axis.name) === 1 && isMultiple(at, vector))
        return load(x.buffer, at, mask, vector);
      return pack(
        Array.from({ length: vector }, (_, lane) =>
          load(x.buffer, this.laneIndex(x.index, at, axis, lane), component(mask, lane)),
        ),
      );
    }
    return this.wideLoad(x, at, mask, point) ?? load(x.buffer, at, component(mask, 0));
  }

  /** One lane of a vector along an axis that is summed over, where the elements lie next to each other. */
  private wideLoad(x: Extract<Expr, { kind: "load" }>, at: Index, mask: Expr, point: Point): Expr | undefined {
    for (const [name, { lane }] of point) {
      const place = this.places.get(name);
      if (place === undefined || place.plan.vector === 1 || name === this.vector?.name) continue;
      const first = offset(at, -lane);
      if (coefficientOf(x.index, name) !== 1 || !isMultiple(first, place.plan.vector) || mask.lanes > 1) continue;
      if (x.mask?.free.has(name) === true) continue;
      return component(load(x.buffer, first, mask, place.plan.vector), lane);
    }
    return undefined;
  }
}

const keyOf = (point: Point): string =>
  [...point]
    .map(([name, { register, lane }]) => `${name}:${register}.${lane}`)
    .sort()
    .join(" ");

function childrenOf(x: Expr): readonly Expr[] {
  switch (x.kind) {
    case "unary":
    case "cast":
    case "reduce":
    case "component":
      return [x.x];
    case "binary":
    case "compare":
      return [x.x, x.y];
    case "select":
      return [x.condition, x.x, x.y];
    case "pack":
      return x.parts;
    case "load":
      return x.mask === undefined ? [] : [x.mask];
    case "literal":
    case "index":
    case "local":
      return [];
  }
}
