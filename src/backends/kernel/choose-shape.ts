import { type Expr, childrenOf } from "./expr.ts";
import { type Variable, coefficientOf } from "./index-expr.ts";
import { type ShapeClass } from "./table.ts";
import type { Kernel } from "./build.ts";
import { dimensionOf } from "./schedule.ts";
import type { TileStatement } from "./tile.ts";

/** What of a kernel decides how it is cut. */
export interface KernelShape {
  readonly kind: ShapeClass;
  /** The last parallel axis with more than one coordinate, where vectors along it pay. */
  readonly columns: Variable | undefined;
  /** The parallel axes before, the nearest first. */
  readonly rows: readonly Variable[];
  /** The row axis along which threads bring a sum together at the end. */
  readonly together?: Variable | undefined;
  /** All parallel axes, as the kernel has them. */
  readonly axes: readonly Variable[];
  /** What is summed over or passed: an axis for each dimension, by extent from the longest on, those of windows by name. */
  readonly sums: readonly Variable[];
  /** The same for kernels that can be cut alike. */
  readonly key: string;
}

export function shapeOfKernel({ tile, group }: Kernel): KernelShape {
  // Rows that lie in one piece are passed by threads side by side; what they are rows of has no columns.
  const columns = passesPieces(tile.body) ? undefined : tile.axes.findLast((axis) => axis.extent > 1);
  // What is passed for a sum that comes along is as many threads as if it were not.
  const passed = group.pooled === undefined ? [] : tile.body.flatMap((s) => (s.kind === "loop" ? [s.axis] : []));
  const rows = [...passed, ...tile.axes.filter((axis) => axis !== columns).toReversed()];
  const parallel = new Set([...passed, ...tile.axes].map(dimensionOf));
  const sums = summedAxes(tile.body).filter((axis) => !parallel.has(dimensionOf(axis)) && axis.extent > 1);
  const kind = classOf(group.root, rows, sums);
  const named = (axes: readonly Variable[]): string => axes.map((a) => `${dimensionOf(a)}${a.extent}`).join(" ");
  const key = `${kind}: ${named([...tile.axes, ...passed])} / ${named(sums)}`;
  return { kind, columns, rows, axes: tile.axes, together: passed[0], sums, key };
}

/** Rows of a product from which on it is none of a vector. */
const fewRows = 4;

function classOf(root: Kernel["group"]["root"], rows: readonly Variable[], sums: readonly Variable[]): ShapeClass {
  const count = rows.reduce((n, axis) => n * axis.extent, 1);
  switch (root?.op) {
    case undefined:
      return "elements";
    case "conv": {
      const { groups } = root.attrs as { groups: number };
      const [, depth = 1, ...window] = (root.operands[1]?.type.shape ?? []) as readonly number[];
      if (groups > 1) return depth === 1 ? "depthwise" : "grouped";
      if (window.some((extent) => extent > 1)) return depth <= 4 ? "stem" : "window";
      return count < fewRows ? "vector" : "pointwise";
    }
    case "linear":
    case "matmul":
      return count < fewRows ? "vector" : root.op;
    case "attention":
      return "attention";
    case "avg_pool":
    case "max_pool":
      return "pool";
    default:
      return sums.some((axis) => axis.name.startsWith("c.")) ? "rows" : "reduction";
  }
}

/** Whether the last statement passes an axis whose elements lie next to each other. */
function passesPieces(body: readonly TileStatement[]): boolean {
  const last = body.at(-1);
  if (last?.kind !== "loop" || last.carried.length > 0) return false;
  return last.body.some((s) => s.kind === "store" && coefficientOf(s.index, last.axis.name) === 1);
}

/** An axis for each dimension that is summed over or passed, in the order of first use. */
function summedAxes(body: readonly TileStatement[]): readonly Variable[] {
  const found = new Map<string, Variable>();
  const note = (axis: Variable): void => {
    if (!found.has(dimensionOf(axis))) found.set(dimensionOf(axis), axis);
  };
  const see = (x: Expr): void => {
    if (x.kind === "reduce") x.axes.forEach(note);
    childrenOf(x).forEach(see);
  };
  const down = (statement: TileStatement): void => {
    if (statement.kind !== "loop") return see(statement.value);
    note(statement.axis);
    for (const { init, next } of statement.carried) [init, next].forEach(see);
    statement.body.forEach(down);
  };
  body.forEach(down);
  return [...found.values()];
}
