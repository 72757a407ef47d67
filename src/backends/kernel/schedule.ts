import type { Lanes } from "./expr.ts";
import type { Variable } from "./index-expr.ts";

/**
 * How the axes of one dimension lie over a workgroup: `threads` threads side by side, each with `registers` steps of `vector`
 * elements that lie next to each other. A tile of the dimension is their product; parallel axes are cut into blocks of it,
 * one workgroup each, other axes are passed tile after tile. Lanes that lie beyond an axis which `vector` does not divide are masked.
 *
 * In matrix form `threads` are warps, and a register's step is eight coordinates that the warp's 32 threads share: along rows a
 * thread has one of the eight (thread / 4), along columns, and along the depth of a product, two ((thread mod 4) of 2; `vector`
 * is 2). So lie the operands and the result of mma.m16n8k16 (PTX ISA, section "Matrix fragments for mma.m16n8k16").
 */
export interface Plan {
  readonly threads: number;
  readonly registers: number;
  readonly vector: Lanes;
  readonly matrix?: "row" | "column";
  /** The dimension whose threads these are as well; it has as many. */
  readonly over?: string;
}

export interface Schedule {
  /** By dimension; those without a plan have one thread and one register. */
  readonly plans: Readonly<Record<string, Plan>>;
  /**
   * Factors of sums of products that several threads read come through workgroup memory: 1 copies a tile, then uses it; n > 1
   * keeps n tiles, of which n - 1 are on their way. 0, the default: every thread reads for itself.
   */
  readonly stages?: number;
  /** Threads of a warp may exchange registers (CUDA). */
  readonly shuffles?: boolean;
}

export const scalarPlan: Plan = { threads: 1, registers: 1, vector: 1 };

export const dimensionOf = (axis: Variable): string => axis.name.split(".")[0] ?? axis.name;

export const planOf = ({ plans }: Schedule, axis: Variable): Plan => plans[dimensionOf(axis)] ?? scalarPlan;

/** Coordinates from one register of a thread to the next. */
export const stepOf = ({ matrix, vector }: Plan): number => (matrix === undefined ? vector : 8);

/** Coordinates of an axis that a workgroup has at once. */
export const tileOf = (plan: Plan): number => plan.threads * plan.registers * stepOf(plan);
