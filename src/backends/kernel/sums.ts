import { evaluate } from "./evaluate.ts";
import {
  type Buffer,
  type Expr,
  type ReduceOp,
  binary,
  childrenOf,
  compare,
  component,
  indexValue,
  literal,
  load,
  select,
  shuffle,
  splat,
  neutral,
} from "./expr.ts";
import { type Index, type Variable, add, constant, div, indexOf, mod, offset, scale, variable } from "./index-expr.ts";
import { type MatrixProduct, halvesAt, isDirect, matrixProductOf } from "./matrix.ts";
import { type Place, type Point, inside, laneKey, lanePoints, lanesOf, vectorOf, vectorPoints } from "./place.ts";
import { dimensionOf, planOf, tileOf } from "./schedule.ts";
import { type Staged, copyTile, fromTile, isStageable, stage, withinTile } from "./stage.ts";
import type { Register, ThreadState } from "./thread-state.ts";
import type { Statement } from "./thread.ts";
import { type Part, warp } from "./workgroup.ts";

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

/** Bytes of workgroup memory that threads bring sums together in. */
const exchangeBytes = 4096;

/** How a thread computes sums: in its registers, with factors from workgroup memory or by matrix instructions as scheduled. */
export class Sums {
  private readonly thread: ThreadState;

  constructor(thread: ThreadState) {
    this.thread = thread;
  }

  /** Computes the sums of an expression, each once. */
  compute(x: Expr): void {
    if (x.kind !== "reduce") for (const child of childrenOf(x)) this.compute(child);
    else if (!this.thread.holds(x.key)) this.sum(x);
  }

  private sum(x: Sum): void {
    const axes = this.thread.axesOf(x.free);
    const start = splat(literal(neutral[x.op]), lanesOf(this.thread.schedule, axes));
    const registers = this.thread.hold(x.key, axes, () => this.thread.declare(start));
    const passed = x.axes.filter((axis) => !this.thread.places.has(axis.name));
    const work: Work = { sum: x, axes, registers, product: matrixProductOf(x, axes, this.thread.schedule) };
    const tiles = passed.map((axis) => Math.ceil(axis.extent / tileOf(planOf(this.thread.schedule, axis))));
    const steps = tiles.reduce((a, b) => a * b, 1);
    const stages = Math.min(this.thread.schedule.stages ?? 0, steps);
    const staged = stages === 0 ? [] : this.stagedFactors(work, passed, Math.max(1, stages));
    if (stages > 1 && staged.length > 0) this.pipeline(work, staged, passed, tiles);
    else
      this.thread.passing(passed, () => {
        this.compute(x.x);
        if (staged.length > 0) this.copyAll(staged);
        this.accumulate(work, staged, constant(0));
      });
    const taken = new Set(axes.flatMap((axis) => this.thread.workgroup.partsOf(dimensionOf(axis))));
    for (const part of new Set(x.axes.flatMap((axis) => this.thread.workgroup.partsOf(dimensionOf(axis))))) {
      if (work.product !== undefined && part.stride < warp) continue;
      if (taken.has(part)) throw new RangeError(`${this.thread.name}: threads that hold a sum apart cannot share it`);
      this.across(part, x.op, [...registers.values()]);
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
      const name = this.thread.fresh();
      const staged = stage(factor, over, this.thread.schedule, {
        name,
        storage,
        tiles,
        ...(product === undefined ? {} : { inner: product.depth }),
      });
      this.thread.shared.push(staged.buffer);
      return staged;
    });
  }

  /** Whether several threads of the workgroup read the same elements of a factor. */
  private isShared(factor: Expr, over: readonly Variable[]): boolean {
    const used = over.filter((axis) => factor.free.has(axis.name));
    const known = new Set(used.flatMap((axis) => this.thread.workgroup.partsOf(dimensionOf(axis))));
    return this.thread.workgroup.parts().some((part) => !known.has(part));
  }

  /** A factor of matrices that does not change from one tile to the next is kept in registers. */
  private stays(factor: Expr, product: MatrixProduct | undefined, passed: readonly Variable[]): boolean {
    if (product === undefined || !isDirect(factor, product.depth) || this.thread.loops.length === 0) return false;
    const changing = [
      ...this.thread.loops,
      ...passed.filter((axis) => axis.extent > tileOf(planOf(this.thread.schedule, axis))),
    ];
    return changing.every((axis) => !factor.free.has(axis.name));
  }

  private copyAll(staged: readonly Staged[]): void {
    this.thread.statements.push({ kind: "barrier" });
    for (const factor of staged)
      this.thread.statements.push(...this.copy(factor, this.thread.places, constant(0), false));
    this.thread.statements.push({ kind: "barrier" });
  }

  private copy(staged: Staged, places: ReadonlyMap<string, Place>, slot: Index, behind: boolean): Statement[] {
    const { size, thread } = this.thread.workgroup;
    const own = new Map([...places].filter(([name]) => staged.factor.free.has(name)));
    return copyTile(staged, { workgroup: size, thread, places: own, slot, behind, fresh: () => this.thread.fresh() });
  }

  /**
   * Passes the tiles of all axes in one loop, with copies of the next tiles on their way: the tile of step s is in slot s mod
   * n of n, and at step s the copy of tile s + n - 1 begins, whose slot was last read at step s - 1, before the barrier.
   */
  private pipeline(work: Work, staged: readonly Staged[], passed: readonly Variable[], tiles: readonly number[]): void {
    const steps = tiles.reduce((a, b) => a * b, 1);
    const stages = this.thread.schedule.stages ?? 1;
    const count = Math.min(stages, steps);
    const placesAt = (step: Index): ReadonlyMap<string, Place> => {
      let rest = step;
      const found = new Map(this.thread.places);
      passed.toReversed().forEach((axis, i) => {
        const extent = tiles.at(-1 - i) ?? 1;
        found.set(
          axis.name,
          this.thread.placeTile(axis, scale(mod(rest, extent), tileOf(planOf(this.thread.schedule, axis)))),
        );
        rest = div(rest, extent);
      });
      return found;
    };
    const issue = (step: Index): Statement[] =>
      staged.flatMap((factor) => this.copy(factor, placesAt(step), mod(step, count), true));
    const { statements } = this.thread;
    if (this.thread.loops.length > 0) statements.push({ kind: "barrier" });
    for (let step = 0; step < count - 1; step++) statements.push(...issue(constant(step)), { kind: "commit" });
    const step = variable(this.thread.fresh(), steps);
    const next = variable(this.thread.fresh(), steps);
    const ahead = offset(indexOf(step), count - 1);
    const body = this.thread.apart(() => {
      this.thread.statements.push(
        { kind: "wait", pending: count - 2 },
        { kind: "barrier" },
        {
          kind: "if",
          condition: compare("lt", indexValue(ahead), literal(steps, "i32")),
          body: [{ kind: "index", variable: next, value: indexValue(ahead) }, ...issue(indexOf(next))],
        },
        { kind: "commit" },
      );
      for (const [name, place] of placesAt(indexOf(step))) this.thread.places.set(name, place);
      this.accumulate(work, staged, mod(indexOf(step), count));
      for (const axis of passed) this.thread.places.delete(axis.name);
    });
    statements.push({ kind: "for", variable: step, body });
  }

  /** Adds the terms of the tile at hand to the registers. */
  private accumulate(work: Work, staged: readonly Staged[], slot: Index): void {
    if (work.product !== undefined) return this.multiply(work, work.product, staged, slot);
    const { sum, axes, registers } = work;
    const vector = vectorOf(this.thread.schedule, axes);
    const summed = sum.axes.map((axis) => this.thread.placeOf(axis));
    const read = this.reader(staged, slot);
    for (const inner of lanePoints(this.thread.schedule, sum.axes))
      for (const outer of vectorPoints(this.thread.schedule, axes)) {
        const register = registers.get(laneKey(outer, axes, vector));
        if (register === undefined) continue;
        const point = new Map([...outer, ...inner]);
        const term = select(inside(summed, point), read(sum.x, point), literal(neutral[sum.op]));
        this.thread.statements.push({ kind: "assign", local: register.local, value: binary(sum.op, register, term) });
      }
  }

  /** Evaluates the term of a sum, its staged factors from workgroup memory, from where each number is read once. */
  private reader(staged: readonly Staged[], slot: Index): (x: Expr, point: Point) => Expr {
    if (staged.length === 0) return (x, point) => this.thread.at(x, point);
    const known = new Map<string, Expr>();
    const once = (x: Expr): Expr => {
      if (x.kind === "component") return component(once(x.x), x.lane);
      const found = known.get(x.key) ?? this.thread.bind(x);
      known.set(x.key, found);
      return found;
    };
    const places = withinTile(this.thread.places);
    const factorAt = (f: Expr, point: Point): Expr => {
      const found = staged.find(({ factor }) => factor === f);
      if (found === undefined) return this.thread.at(f, point);
      return once(evaluate(fromTile(found, slot), point, { places, held: () => f }));
    };
    return (x, point) =>
      x.kind === "binary" ? binary(x.op, factorAt(x.x, point), factorAt(x.y, point)) : this.thread.at(x, point);
  }

  private multiply(
    { axes, registers }: Work,
    { row, column, depth, left, right }: MatrixProduct,
    staged: readonly Staged[],
    slot: Index,
  ): void {
    const vector = vectorOf(this.thread.schedule, axes);
    const held = (key: string, point: Point): Expr => this.thread.held(key, point);
    const base = this.thread.placeOf(column);
    const across = add(base.origin, this.thread.workgroup.localOf(column, "row"));
    const columns: Place = {
      ...base,
      plan: { ...base.plan, vector: 1 },
      base: across,
      local: this.thread.workgroup.localOf(column, "row"),
    };
    const known = new Map<string, Expr>();
    const word = (factor: Expr, point: Point, places: ReadonlyMap<string, Place>): Expr => {
      const found = staged.find((s) => s.factor === factor);
      const value =
        found === undefined
          ? halvesAt(factor, depth, point, { places, held })
          : halvesAt(fromTile(found, slot), depth, point, { places: withinTile(places), held });
      const bound = known.get(value.key) ?? this.thread.bind(value);
      known.set(value.key, bound);
      return bound;
    };
    const onColumns = new Map([...this.thread.places, [column.name, columns]]);
    const at = (axis: Variable, register: number): Point => new Map([[axis.name, { register, lane: 0 }]]);
    const deep = (register: number): Point => new Map([[depth.name, { register, lane: "all" }]]);
    const others = axes.filter((axis) => axis !== row && axis !== column);
    for (const other of vectorPoints(this.thread.schedule, others))
      for (let k = 0; k < planOf(this.thread.schedule, depth).registers; k += 2)
        for (let r = 0; r < planOf(this.thread.schedule, row).registers; r += 2)
          for (let c = 0; c < base.plan.registers; c++) {
            const a = [k, k + 1].flatMap((d) =>
              [r, r + 1].map((i) => word(left, new Map([...other, ...at(row, i), ...deep(d)]), this.thread.places)),
            );
            const b = [k, k + 1].map((d) => word(right, new Map([...other, ...at(column, c), ...deep(d)]), onColumns));
            const [low, high] = [r, r + 1].map((i) => {
              const point: Point = new Map([...other, ...at(row, i), [column.name, { register: c, lane: "all" }]]);
              return registers.get(laneKey(point, axes, vector));
            });
            if (low === undefined || high === undefined) throw new RangeError(`${this.thread.name}: no registers`);
            this.thread.statements.push({ kind: "mma", d: [low.local, high.local], a, b });
          }
  }

  /** Brings together what the threads of a part hold, by halves: in registers where a warp has them, else through memory. */
  private across(part: Part, op: ReduceOp, registers: readonly Register[]): void {
    const { size } = this.thread.workgroup;
    if (!Number.isInteger(Math.log2(part.count)))
      throw new RangeError(`${this.thread.name}: ${part.count} threads cannot bring a sum together by halves`);
    // Places in a warp that differ in some bits: both the threads of the part and those between them are powers of two.
    const isInWarp = size % warp === 0 && warp % (part.stride * part.count) === 0;
    if (this.thread.schedule.shuffles !== true || !isInWarp) {
      const atOnce = Math.max(1, Math.floor(exchangeBytes / (4 * size * (registers[0]?.lanes ?? 1))));
      for (let from = 0; from < registers.length; from += atOnce)
        this.throughMemory(part, op, registers.slice(from, from + atOnce));
      return;
    }
    for (const register of registers)
      for (let by = part.stride; by < part.stride * part.count; by *= 2)
        this.thread.statements.push({
          kind: "assign",
          local: register.local,
          value: binary(op, register, shuffle(register, by)),
        });
  }

  /** All registers in one pass of barriers: each has a row of the memory, with a place for every thread. */
  private throughMemory({ count, index, stride }: Part, op: ReduceOp, registers: readonly Register[]): void {
    const { size, thread } = this.thread.workgroup;
    const { statements } = this.thread;
    const lanes = registers[0]?.lanes ?? 1;
    const length = size * lanes * registers.length;
    const buffer: Buffer = { name: this.thread.fresh(), space: "workgroup", storage: "f32", length };
    this.thread.shared.push(buffer);
    const places = registers.map((_, row) => offset(scale(thread, lanes), row * size * lanes));
    if (this.thread.loops.length > 0) statements.push({ kind: "barrier" });
    registers.forEach((value, row) => statements.push({ kind: "store", buffer, index: places[row] as Index, value }));
    statements.push({ kind: "barrier" });
    for (let half = count / 2; half >= 1; half /= 2) {
      const first = compare("lt", indexValue(index), literal(half, "i32"));
      const body = places.map((own): Statement => {
        const partner = load(buffer, offset(own, half * stride * lanes), first, lanes);
        return { kind: "store", buffer, index: own, value: binary(op, load(buffer, own, undefined, lanes), partner) };
      });
      statements.push({ kind: "if", condition: first, body }, { kind: "barrier" });
    }
    const head = variable(this.thread.fresh(), size);
    statements.push({ kind: "index", variable: head, value: indexValue(add(thread, scale(index, -stride))) });
    registers.forEach(({ local }, row) => {
      const at = offset(scale(indexOf(head), lanes), row * size * lanes);
      statements.push({ kind: "assign", local, value: load(buffer, at, undefined, lanes) });
    });
  }
}
