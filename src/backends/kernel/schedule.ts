import type { Lanes } from "./expr.ts";
import type { Variable } from "./index-expr.ts";

/**
 * How the axes of one dimension lie over a workgroup: `threads` threads side by side, each with `registers` steps of `vector`
 * elements that lie next to each other. A tile of the dimension is their product; parallel axes are cut into blocks of it,
 * one workgroup each, other axes are passed tile after tile. `vector` divides the extent of every axis of the dimension.
 */
export interface Plan {
  readonly threads: number;
  readonly registers: number;
  readonly vector: Lanes;
}

/** Dimensions without a plan have one thread and one register. */
export type Schedule = Readonly<Record<string, Plan>>;

export const scalarPlan: Plan = { threads: 1, registers: 1, vector: 1 };

export const dimensionOf = (axis: Variable): string => axis.name.split(".")[0] ?? axis.name;

export const planOf = (schedule: Schedule, axis: Variable): Plan => schedule[dimensionOf(axis)] ?? scalarPlan;
