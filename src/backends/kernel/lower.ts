import { evaluate, storesAt } from "./evaluate.ts";
import {
  type Buffer,
  type Expr,
  type Local,
  type ReduceOp,
  binary,
  childrenOf,
  compare,
  component,
  indexValue,
  literal,
  load,
  localValue,
  select,
  splat,
} from "./expr.ts";
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
import {
  type Place,
  type Point,
  coordinate,
  inside,
  laneKey,
  lanePoints,
  lanesOf,
  vectorOf,
  vectorPoints,
} from "./place.ts";
import { type Schedule, dimensionOf, planOf } from "./schedule.ts";
import { type Statement, type ThreadKernel, blockVariables, buffersOf, threadVariable } from "./thread.ts";
import type { TileKernel, TileStatement } from "./tile.ts";

/**
 * From tiles to threads. Every axis is a coordinate of the thread: block, thread and register of its plan,
 *
 *     coordinate = ((block threads + thread) registers + r) vector + lane,
 *
 * with the registers unrolled and the lanes a vector. A tile statement becomes one statement for each register of its
 * free axes. The last block of a parallel axis moves back to end with the axis, and each element is stored by the thread that
 * would have had it; the last tile of another axis is masked.
 */
export function lower(kernel: TileKernel, schedule: Schedule): ThreadKernel {
  return new Lowering(kernel, schedule).run();
}

/** A register that changes. */
type Register = Extract<Expr, { kind: "local" }>;

/** What a local or a sum is in registers: one for each point of its axes. */
interface Held {
  readonly axes: readonly Variable[];
  readonly registers: ReadonlyMap<string, Expr>;
}

interface Group {
  readonly count: number;
  readonly index: Index;
  readonly stride: number;
}

const neutral: Record<ReduceOp, number> = { add: 0, max: -3.0e38 };

class Lowering {
  private readonly kernel: TileKernel;
  private readonly schedule: Schedule;
  private readonly places = new Map<string, Place>();
  private holding: Map<string, Held> = new Map();
  private readonly shared: Buffer[] = [];
  private readonly threads: ReadonlyMap<string, Group>;
  private readonly workgroup: number;
  private statements: Statement[] = [];
  private names = 0;

  constructor(kernel: TileKernel, schedule: Schedule) {
    this.kernel = kernel;
    this.schedule = schedule;
    const dimensions = Object.entries(schedule.plans).filter(([, plan]) => plan.threads > 1);
    this.workgroup = dimensions.reduce((n, [, plan]) => n * plan.threads, 1);
    const thread = indexOf(variable(threadVariable, this.workgroup));
    const threads = new Map<string, Group>();
    let stride = 1;
    for (const [name, { threads: count }] of dimensions.toReversed()) {
      threads.set(name, { count, index: mod(div(thread, stride), count), stride });
      stride *= count;
    }
    this.threads = threads;
  }

  run(): ThreadKernel {
    const grid = this.placeAxes();
    for (const statement of this.kernel.body) this.statement(statement);
    const { shared, workgroup, statements: body } = this;
    return { name: this.kernel.name, ...buffersOf(body), shared, workgroup, grid, body };
  }

  private fresh(): string {
    return `v${this.names++}`;
  }

  /** Puts the parallel axes over blocks: the last along x, the one before along y, all others along z. */
  private placeAxes(): [number, number, number] {
    const grid: [number, number, number] = [1, 1, 1];
    const places = this.kernel.axes.toReversed().map((axis, i) => {
      const { threads, registers, vector } = planOf(this.schedule, axis);
      const blocks = Math.ceil(axis.extent / (threads * registers * vector));
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
    const plan = planOf(this.schedule, axis);
    const lanes = plan.registers * plan.vector;
    if (axis.extent % plan.vector !== 0 || lanes > axis.extent)
      throw new RangeError(`${this.kernel.name}: ${lanes} lanes (${plan.vector}) for ${axis.name} of ${axis.extent}`);
    const at = scale(add(scale(block, plan.threads), this.thread(axis)), plan.registers);
    if (axis.extent % (plan.threads * lanes) === 0) {
      this.places.set(axis.name, { axis, plan, base: scale(at, plan.vector), ragged: false });
      return;
    }
    const last = (axis.extent - lanes) / plan.vector;
    const moved = variable(this.fresh(), last + 1);
    const value = binary("min", indexValue(at), literal(last, "i32"));
    this.statements.push({ kind: "index", variable: moved, value });
    const base = scale(indexOf(moved), plan.vector);
    this.places.set(axis.name, { axis, plan, base, unmoved: indexValue(scale(at, plan.vector)), ragged: false });
  }

  private thread(axis: Variable): Index {
    return this.threads.get(dimensionOf(axis))?.index ?? constant(0);
  }

  private statement(statement: TileStatement): void {
    switch (statement.kind) {
      case "let": {
        const { local, value } = statement;
        this.sums(value);
        this.hold(local.name, local.axes, (point) => this.bind(this.at(value, point)));
        return;
      }
      case "store":
        this.store(statement);
        return;
      case "loop":
        this.loop(statement);
    }
  }

  private hold<E extends Expr>(
    key: string,
    axes: readonly Variable[],
    make: (point: Point) => E,
  ): ReadonlyMap<string, E> {
    const vector = vectorOf(this.schedule, axes);
    const registers = new Map<string, E>();
    for (const point of vectorPoints(this.schedule, axes)) registers.set(laneKey(point, axes, vector), make(point));
    this.holding.set(key, { axes, registers });
    return registers;
  }

  /** The register of a local or a sum at a point: a vector where the point takes its axis as one, else the lane. */
  private held(key: string, point: Point): Expr {
    const found = this.holding.get(key);
    const vector = vectorOf(this.schedule, found?.axes ?? []);
    const value = found?.registers.get(laneKey(point, found.axes, vector));
    if (value === undefined) throw new RangeError(`${this.kernel.name}: ${key} is used before it is computed`);
    const lane = vector === undefined ? "all" : (point.get(vector.name)?.lane ?? 0);
    return lane === "all" ? value : component(value, lane);
  }

  private at(x: Expr, point: Point): Expr {
    return evaluate(x, point, { places: this.places, held: (key, p) => this.held(key, p) });
  }

  /** A name for a value, so that it is computed once. */
  private bind(value: Expr): Expr {
    if (value.kind === "literal") return value;
    const local: Local = { name: this.fresh(), dtype: value.dtype, lanes: value.lanes, axes: [] };
    this.statements.push({ kind: "let", local, value });
    return localValue(local);
  }

  private declare(value: Expr): Register {
    const local: Local = { name: this.fresh(), dtype: value.dtype, lanes: value.lanes, axes: [] };
    this.statements.push({ kind: "var", local, value });
    return { ...localValue(local), kind: "local", local };
  }

  private loop({ axis, carried, body }: Extract<TileStatement, { kind: "loop" }>): void {
    const registers = carried.map(({ local, init }) => {
      this.sums(init);
      const lanes = lanesOf(this.schedule, local.axes);
      return this.hold(local.name, local.axes, (point) => this.declare(splat(this.at(init, point), lanes)));
    });
    this.passing([axis], () => {
      for (const statement of body) this.statement(statement);
      for (const { next } of carried) this.sums(next);
      const updates = carried.flatMap(({ local, next }, i) => {
        const vector = vectorOf(this.schedule, local.axes);
        return vectorPoints(this.schedule, local.axes).map((point) => {
          const register = registers[i]?.get(laneKey(point, local.axes, vector));
          if (register === undefined) throw new RangeError(`${this.kernel.name}: no register for ${local.name}`);
          return { local: register.local, value: splat(this.at(next, point), register.lanes) };
        });
      });
      const values = updates.map(({ local, value }) => ({
        local,
        value: updates.length === 1 ? value : this.bind(value),
      }));
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
    const { statements, holding } = this;
    this.statements = [];
    this.holding = new Map(holding);
    this.passing(rest, body);
    const inner = this.statements;
    this.statements = statements;
    this.holding = holding;
    if (steps > 1) statements.push({ kind: "for", variable: step, body: inner });
    else statements.push(...inner);
    this.places.delete(axis.name);
  }

  /** Computes the sums of an expression, each once. */
  private sums(x: Expr): void {
    if (x.kind !== "reduce") for (const child of childrenOf(x)) this.sums(child);
    else if (!this.holding.has(x.key)) this.sum(x);
  }

  private sum(x: Extract<Expr, { kind: "reduce" }>): void {
    const axes = this.axesOf(x.free);
    const vector = vectorOf(this.schedule, axes);
    const start = splat(literal(neutral[x.op]), lanesOf(this.schedule, axes));
    const registers = this.hold(x.key, axes, () => this.declare(start));
    this.passing(
      x.axes.filter((axis) => !this.places.has(axis.name)),
      () => {
        this.sums(x.x);
        const summed = x.axes.map((axis) => this.placeOf(axis));
        for (const inner of lanePoints(this.schedule, x.axes))
          for (const outer of vectorPoints(this.schedule, axes)) {
            const register = registers.get(laneKey(outer, axes, vector));
            if (register === undefined) continue;
            const point = new Map([...outer, ...inner]);
            const term = select(inside(summed, point), this.at(x.x, point), literal(neutral[x.op]));
            this.statements.push({ kind: "assign", local: register.local, value: binary(x.op, register, term) });
          }
      },
    );
    for (const dimension of new Set(x.axes.map(dimensionOf))) {
      const group = this.threads.get(dimension);
      if (group !== undefined) for (const register of registers.values()) this.across(group, x.op, register);
    }
  }

  /** Brings together what the threads of a group hold, by halves, through memory of the workgroup. */
  private across({ count, index, stride }: Group, op: ReduceOp, register: Register): void {
    const { lanes } = register;
    const buffer: Buffer = { name: this.fresh(), space: "workgroup", storage: "f32", length: this.workgroup * lanes };
    this.shared.push(buffer);
    const thread = indexOf(variable(threadVariable, this.workgroup));
    const own = scale(thread, lanes);
    this.statements.push({ kind: "store", buffer, index: own, value: register }, { kind: "barrier" });
    for (let half = count / 2; half >= 1; half /= 2) {
      const first = compare("lt", indexValue(index), literal(half, "i32"));
      const partner = load(buffer, offset(own, half * stride * lanes), first, lanes);
      const value = binary(op, load(buffer, own, undefined, lanes), partner);
      this.statements.push(
        { kind: "if", condition: first, body: [{ kind: "store", buffer, index: own, value }] },
        { kind: "barrier" },
      );
    }
    const head = variable(this.fresh(), this.workgroup);
    const result = load(buffer, scale(indexOf(head), lanes), undefined, lanes);
    this.statements.push(
      { kind: "index", variable: head, value: indexValue(add(thread, scale(index, -stride))) },
      { kind: "assign", local: register.local, value: result },
    );
  }

  private store({ buffer, index, value }: Extract<TileStatement, { kind: "store" }>): void {
    this.sums(value);
    const axes = this.axesOf(new Set([...value.free, ...variablesOf(index)]));
    for (const point of vectorPoints(this.schedule, axes)) {
      const surroundings = { places: this.places, held: (key: string, p: Point) => this.held(key, p) };
      const stores = storesAt(index, this.at(value, point), point, surroundings).map(
        (s) => ({ kind: "store", buffer, ...s }) as const,
      );
      const condition = this.owner(axes, point);
      if (condition.kind === "literal") this.statements.push(...stores);
      else this.statements.push({ kind: "if", condition, body: stores });
    }
  }

  /** Whether this thread is the one that stores a point. */
  private owner(axes: readonly Variable[], point: Point): Expr {
    const places = axes.map((axis) => this.placeOf(axis));
    let condition = inside(places, point);
    for (const place of places)
      if (place.unmoved !== undefined)
        condition = binary("and", condition, compare("le", place.unmoved, indexValue(coordinate(place, point))));
    for (const [dimension, group] of this.threads)
      if (!axes.some((axis) => dimensionOf(axis) === dimension))
        condition = binary("and", condition, compare("lt", indexValue(group.index), literal(1, "i32")));
    return condition;
  }

  private placeOf(axis: Variable): Place {
    const place = this.places.get(axis.name);
    if (place === undefined) throw new RangeError(`${this.kernel.name}: ${axis.name} is used outside of its loop`);
    return place;
  }

  private axesOf(free: ReadonlySet<string>): readonly Variable[] {
    return [...this.places.values()].filter((p) => free.has(p.axis.name)).map((p) => p.axis);
  }
}
