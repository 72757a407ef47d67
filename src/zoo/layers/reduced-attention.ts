import type { Dim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Module, Scope } from "../scope.ts";
import { multiHeadMix } from "./attention.ts";
import { linear } from "./linear.ts";
import { toMap, toTokens } from "./patch-embed.ts";
import { split } from "./split.ts";

interface ReducedAttentionOptions {
  readonly heads: number;
  readonly qkvBias?: boolean;
  /** From the map to the coarser map of keys and values; without it they are the map's own. */
  readonly reduce?: ((s: Scope, map: Value) => Value) | undefined;
  /** What the coarser tokens pass. */
  readonly after?: Readonly<Record<string, Module>>;
}

/** Every token of a map attends to a coarser version of it (Wang et al. 2021, PVT, section 3.2): tokens [N, H W, C]. */
export const reducedAttention =
  (grid: readonly [Dim, Dim], o: ReducedAttentionOptions): Module =>
  (s, x) => {
    const width = s.features(x);
    const bias = o.qkvBias ?? true;
    const q = s.call("q", linear(width, { bias }), x);
    const source = o.reduce === undefined ? x : s.chain(toTokens(s, o.reduce(s, toMap(s, x, grid))), o.after ?? {});
    const [k, v] = split(s, s.call("kv", linear(2 * width, { bias }), source), [width, width]);
    return s.call("proj", linear(width), multiHeadMix(s, [q, k, v], { heads: o.heads }));
  };
