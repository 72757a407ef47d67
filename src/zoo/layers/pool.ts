import type { Value } from "../../ir/value.ts";
import type { GlobalPool } from "../family.ts";
import type { Module, Scope } from "../scope.ts";
import { type Padding, resolvePadding } from "./conv.ts";

interface PoolOptions {
  readonly stride?: number;
  readonly padding?: Padding;
  readonly ceil?: boolean;
}

const geometry = (s: Scope, x: Value, kernel: number, { stride = kernel, padding = 0, ceil = false }: PoolOptions) => ({
  kernel: [kernel, kernel],
  stride: [stride, stride],
  padding: resolvePadding(s, x.type.shape.slice(2), [kernel, kernel], { padding, stride }),
  ceil,
});

/** nn.MaxPool2d, or timm's MaxPool2dSame with padding "same". */
export const maxPool =
  (kernel: number, options: PoolOptions = {}): Module =>
  (s, x) =>
    s.max_pool(x, geometry(s, x, kernel, options));

/**
 * nn.AvgPool2d, or timm's AvgPool2dSame with padding "same": that one pads before it pools, so its zeros count whatever
 * countPad says.
 */
export const avgPool =
  (kernel: number, options: PoolOptions & { readonly countPad?: boolean } = {}): Module =>
  (s, x) =>
    s.avg_pool(x, {
      ...geometry(s, x, kernel, options),
      count_include_pad: options.padding === "same" || (options.countPad ?? true),
    });

/** Pools the axes to extent 1, or away without `keep`. "" leaves x as it is; cat puts both along `channels`. */
export function globalPoolOver(
  s: Scope,
  x: Value,
  pool: GlobalPool,
  axes: readonly number[],
  { keep = false, channels = 1 }: { readonly keep?: boolean; readonly channels?: number } = {},
): Value {
  if (pool === "") return x;
  const kind = pool.replace(/^fast(?=.)/, "").replace(/^fast$/, "avg");
  const avg = (): Value => s.reduce_mean(x, { axes, keep });
  const max = (): Value => s.reduce_max(x, { axes, keep });
  if (kind === "avg") return avg();
  if (kind === "max") return max();
  if (kind === "avgmax") return s.mul(s.add(avg(), max()), s.scalar(0.5));
  return s.concat([avg(), max()], { axis: channels });
}

/** timm's SelectAdaptivePool2d over an NCHW map, flattened to [N, C] unless `keep`; "" leaves the map. */
export const globalPool2d =
  (pool: GlobalPool, keep = false): Module =>
  (s, x) =>
    globalPoolOver(s, x, pool, [2, 3], { keep });
