import type { Value } from "../../ir/value.ts";
import type { GlobalPool } from "../family.ts";
import type { Module, Scope } from "../scope.ts";
import { type Padding, padWindow } from "./conv.ts";

interface PoolOptions {
  readonly stride?: number;
  readonly padding?: Padding;
  readonly ceil?: boolean;
}

/** The operand of a pool, padded where that depends on the size, and the attributes of its windows. */
function windows(
  s: Scope,
  x: Value,
  kernel: number,
  { stride = kernel, padding = 0, ceil = false }: PoolOptions,
  fill: number,
) {
  const padded = padWindow(s, x, [kernel, kernel], { padding, stride }, fill);
  return [padded.x, { kernel: [kernel, kernel], stride: [stride, stride], padding: padded.padding, ceil }] as const;
}

/** nn.MaxPool2d, or timm's MaxPool2dSame with padding "same", which never wins. */
export const maxPool =
  (kernel: number, options: PoolOptions = {}): Module =>
  (s, x) =>
    s.max_pool(...windows(s, x, kernel, options, Number.NEGATIVE_INFINITY));

/**
 * nn.AvgPool2d, or timm's AvgPool2dSame with padding "same": that one pads before it pools, so its zeros count whatever
 * countPad says.
 */
export const avgPool =
  (kernel: number, options: PoolOptions & { readonly countPad?: boolean } = {}): Module =>
  (s, x) => {
    const [padded, attributes] = windows(s, x, kernel, options, 0);
    const count_include_pad = options.padding === "same" || (options.countPad ?? true);
    return s.avg_pool(padded, { ...attributes, count_include_pad });
  };

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
