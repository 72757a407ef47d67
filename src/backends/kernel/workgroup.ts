import { type Index, type Variable, add, constant, div, indexOf, mod, scale, variable } from "./index-expr.ts";
import { type Plan, type Schedule, dimensionOf, planOf, stepOf } from "./schedule.ts";
import { threadVariable } from "./thread.ts";

/** Threads of a workgroup that differ in one coordinate: `index` of `count`, `stride` threads apart. */
export interface Part {
  readonly count: number;
  readonly index: Index;
  readonly stride: number;
}

/** Threads of a warp. */
export const warp = 32;

/** How a schedule lays dimensions over the threads of a workgroup. */
export class Workgroup {
  readonly size: number;
  /** The thread's number. */
  readonly thread: Index;
  readonly hasMatrices: boolean;
  private readonly schedule: Schedule;
  private readonly side = new Map<string, Part>();
  private readonly row: Part;
  private readonly quad: Part;

  constructor(schedule: Schedule) {
    this.schedule = schedule;
    const plans = Object.entries(schedule.plans).filter(([, { over }]) => over === undefined);
    this.hasMatrices = plans.some(([, plan]) => plan.matrix !== undefined);
    const least = this.hasMatrices ? warp : 1;
    this.size = plans.reduce((n, [, plan]) => n * plan.threads, least);
    this.thread = indexOf(variable(threadVariable, this.size));
    let stride = least;
    for (const [name, { threads: count }] of plans.toReversed()) {
      if (count === 1) continue;
      this.side.set(name, { count, index: mod(div(this.thread, stride), count), stride });
      stride *= count;
    }
    this.row = { count: 8, index: div(mod(this.thread, warp), 4), stride: 4 };
    this.quad = { count: 4, index: mod(this.thread, 4), stride: 1 };
  }

  /** What tells the threads along a dimension apart; dimensions may share a part. */
  partsOf(dimension: string): readonly Part[] {
    const side = this.sideOf(dimension);
    const matrix = this.schedule.plans[dimension]?.matrix;
    const inWarp = matrix === undefined ? [] : [matrix === "row" ? this.row : this.quad];
    return side === undefined ? inWarp : [side, ...inWarp];
  }

  /** Every part that several threads differ in. */
  parts(): readonly Part[] {
    return this.hasMatrices ? [...this.side.values(), this.row, this.quad] : [...this.side.values()];
  }

  /** From the first coordinate of a tile to register 0 of this thread; `as` puts the columns of an axis where rows would be. */
  localOf(axis: Variable, as = planOf(this.schedule, axis).matrix): Index {
    const plan = planOf(this.schedule, axis);
    const side = this.sideOf(dimensionOf(axis))?.index ?? constant(0);
    if (plan.matrix === undefined) return this.isInterleaved(plan) ? scale(side, plan.vector) : this.runOf(axis);
    return add(scale(side, plan.registers * stepOf(plan)), as === "row" ? this.row.index : scale(this.quad.index, 2));
  }

  /** The same where the registers of a thread are a run of neighbours. */
  runOf(axis: Variable): Index {
    const { registers, vector } = planOf(this.schedule, axis);
    return scale(this.sideOf(dimensionOf(axis))?.index ?? constant(0), registers * vector);
  }

  /** Coordinates from one register of a thread to the next. */
  stepAlong(axis: Variable): number {
    const plan = planOf(this.schedule, axis);
    return plan.matrix === undefined && this.isInterleaved(plan) ? plan.threads * plan.vector : stepOf(plan);
  }

  /**
   * Vectors of neighbouring threads lie side by side, so that a register of all of them is one piece of memory; so do rows that are read
   * from workgroup memory. Other rows stay runs: windows of neighbours overlap, and a thread reads what they share once.
   */
  private isInterleaved({ vector }: Plan): boolean {
    return vector > 1 || (this.schedule.stages ?? 0) > 0;
  }

  private sideOf(dimension: string): Part | undefined {
    return this.side.get(this.schedule.plans[dimension]?.over ?? dimension);
  }
}
