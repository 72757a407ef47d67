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
  shuffle,
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
import { type MatrixProduct, halvesAt, isDirect, matrixProductOf } from "./matrix.ts";
import { type Schedule, dimensionOf, planOf, tileOf } from "./schedule.ts";
import { type Staged, copyTile, fromTile, isStageable, stage, withinTile } from "./stage.ts";
import { type Statement, type ThreadKernel, blockVariables, buffersOf } from "./thread.ts";
import type { TileKernel, TileStatement } from "./tile.ts";
import { type Part, Workgroup, warp } from "./workgroup.ts";

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

type Store = Extract<Statement, { kind: "store" }>;

/** A store of a vector as stores of its lanes. */
const lanesOfStore = (s: Store): readonly Store[] =>
  Array.from({ length: s.value.lanes }, (_, lane) => ({
    ...s,
    index: offset(s.index, lane),
    value: component(s.value, lane),
  }));

type Sum = Extract<Expr, { kind: "reduce" }>;

/** A sum, the axes that its result varies along, and the registers that hold it. */
interface Work {
  readonly sum: Sum;
  readonly axes: readonly Variable[];
  readonly registers: ReadonlyMap<string, Register>;
  readonly product: MatrixProduct | undefined;
}

const hasSums = (x: Expr): boolean => x.kind === "reduce" || childrenOf(x).some(hasSums);

/** A factor that is only loaded is copied as it is. */
const storageOf = (factor: Expr): Buffer["storage"] => (factor.kind === "load" ? factor.buffer.storage : "f32");

/** What a local or a sum is in registers: one for each point of its axes. */
interface Held {
  readonly axes: readonly Variable[];
  readonly registers: ReadonlyMap<string, Expr>;
}

const neutral: Record<ReduceOp, number> = { add: 0, max: -3.0e38 };

class Lowering {
  private readonly kernel: TileKernel;
  private readonly schedule: Schedule;
  private readonly places = new Map<string, Place>();
  private holding: Map<string, Held> = new Map();
  private readonly shared: Buffer[] = [];
  private readonly workgroup: Workgroup;
  private statements: Statement[] = [];
  private names = 0;
  /** The axes of the loops around. */
  private loops: readonly Variable[] = [];

  constructor(kernel: TileKernel, schedule: Schedule) {
    this.kernel = kernel;
    this.schedule = schedule;
    this.workgroup = new Workgroup(schedule);
  }

  run(): ThreadKernel {
    const grid = this.placeAxes();
    for (const statement of this.kernel.body) this.statement(statement);
    const { shared, statements: body } = this;
    return { name: this.kernel.name, ...buffersOf(body), shared, workgroup: this.workgroup.size, grid, body };
  }

  private fresh(): string {
    return `v${this.names++}`;
  }

  /** Puts the parallel axes over blocks: the last along x, the one before along y, all others along z. */
  private placeAxes(): [number, number, number] {
    const grid: [number, number, number] = [1, 1, 1];
    const places = this.kernel.axes.toReversed().map((axis, i) => {
      const blocks = Math.ceil(axis.extent / tileOf(planOf(this.schedule, axis)));
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
    const tile = tileOf(plan);
    const isTiled = (this.schedule.stages ?? 0) > 0 || this.workgroup.hasMatrices;
    const lanes = plan.registers * plan.vector;
    if (!isTiled && (axis.extent % plan.vector !== 0 || lanes > axis.extent))
      throw new RangeError(`${this.kernel.name}: ${lanes} lanes (${plan.vector}) for ${axis.name} of ${axis.extent}`);
    if (isTiled || axis.extent % tile === 0) {
      this.places.set(axis.name, this.placeTile(axis, scale(block, tile)));
      return;
    }
    const at = div(add(scale(block, tile), this.workgroup.localOf(axis)), plan.vector);
    const last = (axis.extent - lanes) / plan.vector;
    const moved = variable(this.fresh(), last + 1);
    const value = binary("min", indexValue(at), literal(last, "i32"));
    this.statements.push({ kind: "index", variable: moved, value });
    const base = scale(indexOf(moved), plan.vector);
    const unmoved = indexValue(scale(at, plan.vector));
    this.places.set(axis.name, { axis, plan, base, origin: base, local: constant(0), unmoved, ragged: false });
  }

  /** Where this thread is in a tile of an axis. */
  private placeTile(axis: Variable, origin: Index): Place {
    const plan = planOf(this.schedule, axis);
    const local = this.workgroup.localOf(axis);
    const ragged = axis.extent % tileOf(plan) !== 0;
    return { axis, plan, base: add(origin, local), origin, local, ragged };
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
  private apart(body: () => void): Statement[] {
    const { statements, holding } = this;
    this.statements = [];
    this.holding = new Map(holding);
    body();
    const inner = this.statements;
    this.statements = statements;
    this.holding = holding;
    return inner;
  }

  /** Computes the sums of an expression, each once. */
  private sums(x: Expr): void {
    if (x.kind !== "reduce") for (const child of childrenOf(x)) this.sums(child);
    else if (!this.holding.has(x.key)) this.sum(x);
  }

  private sum(x: Sum): void {
    const axes = this.axesOf(x.free);
    const start = splat(literal(neutral[x.op]), lanesOf(this.schedule, axes));
    const registers = this.hold(x.key, axes, () => this.declare(start));
    const passed = x.axes.filter((axis) => !this.places.has(axis.name));
    const work: Work = { sum: x, axes, registers, product: matrixProductOf(x, axes, this.schedule) };
    const tiles = passed.map((axis) => Math.ceil(axis.extent / tileOf(planOf(this.schedule, axis))));
    const steps = tiles.reduce((a, b) => a * b, 1);
    const stages = Math.min(this.schedule.stages ?? 0, steps);
    const staged = stages === 0 ? [] : this.stagedFactors(work, passed, Math.max(1, stages));
    if (stages > 1 && staged.length > 0) this.pipeline(work, staged, passed, tiles);
    else
      this.passing(passed, () => {
        this.sums(x.x);
        if (staged.length > 0) this.copyAll(staged);
        this.accumulate(work, staged, constant(0));
      });
    const taken = new Set(axes.flatMap((axis) => this.workgroup.partsOf(dimensionOf(axis))));
    for (const part of new Set(x.axes.flatMap((axis) => this.workgroup.partsOf(dimensionOf(axis))))) {
      if (work.product !== undefined && part.stride < warp) continue;
      if (taken.has(part)) throw new RangeError(`${this.kernel.name}: threads that hold a sum apart cannot share it`);
      for (const register of registers.values()) this.across(part, x.op, register);
    }
  }

  /** The factors of a sum of products that come through workgroup memory. */
  private stagedFactors({ sum, axes, product }: Work, passed: readonly Variable[], tiles: number): Staged[] {
    const { op, x } = sum;
    if (op !== "add" || x.kind !== "binary" || x.op !== "mul" || hasSums(x)) return [];
    const over = [...axes, ...sum.axes];
    const wanted = [x.x, x.y].filter(
      (f) => isStageable(f) && this.isShared(f, over) && !this.stays(f, product, passed),
    );
    return wanted.map((factor) => {
      const storage = product === undefined ? storageOf(factor) : "f16";
      const name = this.fresh();
      const staged = stage(factor, over, this.schedule, {
        name,
        storage,
        tiles,
        ...(product === undefined ? {} : { inner: product.depth }),
      });
      this.shared.push(staged.buffer);
      return staged;
    });
  }

  /** Whether several threads of the workgroup read the same elements of a factor. */
  private isShared(factor: Expr, over: readonly Variable[]): boolean {
    const used = over.filter((axis) => factor.free.has(axis.name));
    const known = new Set(used.flatMap((axis) => this.workgroup.partsOf(dimensionOf(axis))));
    return this.workgroup.parts().some((part) => !known.has(part));
  }

  /** A factor of matrices that does not change from one tile to the next is kept in registers. */
  private stays(factor: Expr, product: MatrixProduct | undefined, passed: readonly Variable[]): boolean {
    if (product === undefined || !isDirect(factor, product.depth) || this.loops.length === 0) return false;
    const changing = [...this.loops, ...passed.filter((axis) => axis.extent > tileOf(planOf(this.schedule, axis)))];
    return changing.every((axis) => !factor.free.has(axis.name));
  }

  private copyAll(staged: readonly Staged[]): void {
    this.statements.push({ kind: "barrier" });
    for (const factor of staged) this.statements.push(...this.copy(factor, this.places, constant(0), false));
    this.statements.push({ kind: "barrier" });
  }

  private copy(staged: Staged, places: ReadonlyMap<string, Place>, slot: Index, behind: boolean): Statement[] {
    const { size, thread } = this.workgroup;
    const own = new Map([...places].filter(([name]) => staged.factor.free.has(name)));
    return copyTile(staged, { workgroup: size, thread, places: own, slot, behind, fresh: () => this.fresh() });
  }

  /**
   * Passes the tiles of all axes in one loop, with copies of the next tiles on their way: the tile of step s is in slot s mod
   * n of n, and at step s the copy of tile s + n - 1 begins, whose slot was last read at step s - 1, before the barrier.
   */
  private pipeline(work: Work, staged: readonly Staged[], passed: readonly Variable[], tiles: readonly number[]): void {
    const steps = tiles.reduce((a, b) => a * b, 1);
    const stages = this.schedule.stages ?? 1;
    const count = Math.min(stages, steps);
    const placesAt = (step: Index): ReadonlyMap<string, Place> => {
      let rest = step;
      const found = new Map(this.places);
      passed.toReversed().forEach((axis, i) => {
        const extent = tiles.at(-1 - i) ?? 1;
        found.set(axis.name, this.placeTile(axis, scale(mod(rest, extent), tileOf(planOf(this.schedule, axis)))));
        rest = div(rest, extent);
      });
      return found;
    };
    const issue = (step: Index): Statement[] =>
      staged.flatMap((factor) => this.copy(factor, placesAt(step), mod(step, count), true));
    const { statements } = this;
    if (this.loops.length > 0) statements.push({ kind: "barrier" });
    for (let step = 0; step < count - 1; step++) statements.push(...issue(constant(step)), { kind: "commit" });
    const step = variable(this.fresh(), steps);
    const next = variable(this.fresh(), steps);
    const ahead = offset(indexOf(step), count - 1);
    const body = this.apart(() => {
      this.statements.push(
        { kind: "wait", pending: count - 2 },
        { kind: "barrier" },
        {
          kind: "if",
          condition: compare("lt", indexValue(ahead), literal(steps, "i32")),
          body: [{ kind: "index", variable: next, value: indexValue(ahead) }, ...issue(indexOf(next))],
        },
        { kind: "commit" },
      );
      for (const [name, place] of placesAt(indexOf(step))) this.places.set(name, place);
      this.accumulate(work, staged, mod(indexOf(step), count));
      for (const axis of passed) this.places.delete(axis.name);
    });
    statements.push({ kind: "for", variable: step, body });
  }

  /** Adds the terms of the tile at hand to the registers. */
  private accumulate(work: Work, staged: readonly Staged[], slot: Index): void {
    if (work.product !== undefined) return this.multiply(work, work.product, staged, slot);
    const { sum, axes, registers } = work;
    const vector = vectorOf(this.schedule, axes);
    const summed = sum.axes.map((axis) => this.placeOf(axis));
    const read = this.reader(staged, slot);
    for (const inner of lanePoints(this.schedule, sum.axes))
      for (const outer of vectorPoints(this.schedule, axes)) {
        const register = registers.get(laneKey(outer, axes, vector));
        if (register === undefined) continue;
        const point = new Map([...outer, ...inner]);
        const term = select(inside(summed, point), read(sum.x, point), literal(neutral[sum.op]));
        this.statements.push({ kind: "assign", local: register.local, value: binary(sum.op, register, term) });
      }
  }

  /** Evaluates the term of a sum, its staged factors from workgroup memory, from where each number is read once. */
  private reader(staged: readonly Staged[], slot: Index): (x: Expr, point: Point) => Expr {
    if (staged.length === 0) return (x, point) => this.at(x, point);
    const known = new Map<string, Expr>();
    const once = (x: Expr): Expr => {
      if (x.kind === "component") return component(once(x.x), x.lane);
      const found = known.get(x.key) ?? this.bind(x);
      known.set(x.key, found);
      return found;
    };
    const places = withinTile(this.places);
    const factorAt = (f: Expr, point: Point): Expr => {
      const found = staged.find(({ factor }) => factor === f);
      if (found === undefined) return this.at(f, point);
      return once(evaluate(fromTile(found, slot), point, { places, held: () => f }));
    };
    return (x, point) =>
      x.kind === "binary" ? binary(x.op, factorAt(x.x, point), factorAt(x.y, point)) : this.at(x, point);
  }

  private multiply(
    { axes, registers }: Work,
    { row, column, depth, left, right }: MatrixProduct,
    staged: readonly Staged[],
    slot: Index,
  ): void {
    const vector = vectorOf(this.schedule, axes);
    const held = (key: string, point: Point): Expr => this.held(key, point);
    const base = this.placeOf(column);
    const across = add(base.origin, this.workgroup.localOf(column, "row"));
    const columns: Place = {
      ...base,
      plan: { ...base.plan, vector: 1 },
      base: across,
      local: this.workgroup.localOf(column, "row"),
    };
    const known = new Map<string, Expr>();
    const word = (factor: Expr, point: Point, places: ReadonlyMap<string, Place>): Expr => {
      const found = staged.find((s) => s.factor === factor);
      const value =
        found === undefined
          ? halvesAt(factor, depth, point, { places, held })
          : halvesAt(fromTile(found, slot), depth, point, { places: withinTile(places), held });
      const bound = known.get(value.key) ?? this.bind(value);
      known.set(value.key, bound);
      return bound;
    };
    const onColumns = new Map([...this.places, [column.name, columns]]);
    const at = (axis: Variable, register: number): Point => new Map([[axis.name, { register, lane: 0 }]]);
    const deep = (register: number): Point => new Map([[depth.name, { register, lane: "all" }]]);
    const others = axes.filter((axis) => axis !== row && axis !== column);
    for (const other of vectorPoints(this.schedule, others))
      for (let k = 0; k < planOf(this.schedule, depth).registers; k += 2)
        for (let r = 0; r < planOf(this.schedule, row).registers; r += 2)
          for (let c = 0; c < base.plan.registers; c++) {
            const a = [k, k + 1].flatMap((d) =>
              [r, r + 1].map((i) => word(left, new Map([...other, ...at(row, i), ...deep(d)]), this.places)),
            );
            const b = [k, k + 1].map((d) => word(right, new Map([...other, ...at(column, c), ...deep(d)]), onColumns));
            const [low, high] = [r, r + 1].map((i) => {
              const point: Point = new Map([...other, ...at(row, i), [column.name, { register: c, lane: "all" }]]);
              return registers.get(laneKey(point, axes, vector));
            });
            if (low === undefined || high === undefined) throw new RangeError(`${this.kernel.name}: no registers`);
            this.statements.push({ kind: "mma", d: [low.local, high.local], a, b });
          }
  }

  /** Brings together what the threads of a part hold, by halves: in registers where a warp has them, else through memory. */
  private across({ count, index, stride }: Part, op: ReduceOp, register: Register): void {
    const { size, thread } = this.workgroup;
    if (this.schedule.shuffles === true && size % warp === 0 && stride * count <= warp) {
      for (let by = stride; by < stride * count; by *= 2)
        this.statements.push({
          kind: "assign",
          local: register.local,
          value: binary(op, register, shuffle(register, by)),
        });
      return;
    }
    const { lanes } = register;
    const buffer: Buffer = { name: this.fresh(), space: "workgroup", storage: "f32", length: size * lanes };
    this.shared.push(buffer);
    const own = scale(thread, lanes);
    if (this.loops.length > 0) this.statements.push({ kind: "barrier" });
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
    const head = variable(this.fresh(), size);
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
      if (condition.lanes > 1)
        stores
          .flatMap((s) => lanesOfStore(s))
          .forEach((s, lane) => this.statements.push({ kind: "if", condition: component(condition, lane), body: [s] }));
      else if (condition.kind !== "literal") this.statements.push({ kind: "if", condition, body: stores });
      else if (condition.value !== 0) this.statements.push(...stores);
    }
  }

  /** Whether this thread is the one that stores a point. */
  private owner(axes: readonly Variable[], point: Point): Expr {
    const places = axes.map((axis) => this.placeOf(axis));
    let condition = inside(places, point);
    for (const place of places)
      if (place.unmoved !== undefined)
        condition = binary("and", condition, compare("le", place.unmoved, indexValue(coordinate(place, point))));
    const known = new Set(axes.flatMap((axis) => this.workgroup.partsOf(dimensionOf(axis))));
    for (const part of this.workgroup.parts())
      if (!known.has(part))
        condition = binary("and", condition, compare("lt", indexValue(part.index), literal(1, "i32")));
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
