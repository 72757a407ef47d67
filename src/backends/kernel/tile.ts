import type { Buffer, Expr, Local } from "./expr.ts";
import type { Index, Variable } from "./index-expr.ts";

/**
 * A kernel as its algebra, before threads: every point of the parallel `axes` is computed once. Statements hold for all points of
 * their free axes together; what varies along an axis says so by naming it.
 *
 *     matmul:  store c[m, n] = sum<k>(a[m, k] * b[k, n])
 *
 * Axes of sums and loops are not parallel axes. An axis named `c.1` belongs to the dimension `c`: all axes of a dimension are
 * laid over threads and registers alike (see schedule.ts), so that a row can be passed several times.
 */
export interface TileKernel {
  readonly name: string;
  readonly axes: readonly Variable[];
  readonly body: readonly TileStatement[];
}

export type TileStatement =
  | { readonly kind: "let"; readonly local: Local; readonly value: Expr }
  | { readonly kind: "store"; readonly buffer: Buffer; readonly index: Index; readonly value: Expr }
  | {
      /**
       * Passes an axis in tiles, in order. Within, sums over the axis are sums over the tile at hand. The carried locals hold
       * `init` before the first tile, and after each what `next` was at its end, all of them at once.
       */
      readonly kind: "loop";
      readonly axis: Variable;
      readonly carried: readonly Carried[];
      readonly body: readonly TileStatement[];
    };

export interface Carried {
  readonly local: Local;
  readonly init: Expr;
  readonly next: Expr;
}
