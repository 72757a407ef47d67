import { shapeOf } from "../ops/shape.ts";
import { builderAt } from "../../../ir/builder.ts";
import type { Graph } from "../../../ir/graph.ts";
import { type Value, is } from "../../../ir/value.ts";
import type { Pass } from "../../../passes/pass.ts";
import { regionsOf, runsAt } from "../region.ts";
import { isDepthwise } from "../uses.ts";

const name = "kernel-pool-in-parts";

/** Places in a row whose values the threads of a workgroup bring together: few threads are idle, since they are powers of two. */
const widths = [16, 15, 14, 8, 7, 4];

/**
 * Sums over the places of a depthwise convolution's map, those of a squeeze-excite, in two steps, with W = w W':
 *
 *     mean x[N, C, H, W] over H, W = mean over H, W' of (mean over w of reshape(x, [N, C, H, W', w]))
 *
 * and the same of sums; exact but for the order of the sums. The first step is done by the convolution's kernel, which has the elements at
 * hand (see `pooled` of regions), and the second one reads a w-th of the map. A map whose rows no width of the list divides stays as it is.
 */
export const poolInParts: Pass = {
  name,
  run(graph) {
    const { rootOf, indexOf } = regionsOf(graph);
    let divided = 0;
    for (const value of graph.values()) {
      if (!is(value, "reduce_mean") && !is(value, "reduce_sum")) continue;
      const [x] = value.operands;
      const root = x && rootOf.get(x);
      if (x === undefined || root === undefined || value.attrs.axes.join() !== "2,3") continue;
      const width = widths.find((w) => (shapeOf(x)[3] ?? 0) % w === 0);
      const isAtHand = isDepthwise(root) && indexOf.get(x) !== undefined && runsAt(indexOf, root, x);
      if (width === undefined || !isAtHand) continue;
      graph.replaceUses(value, inParts(graph, value, x, width));
      divided++;
    }
    return { [name]: divided };
  },
};

function inParts(graph: Graph, value: Value<"reduce_mean"> | Value<"reduce_sum">, x: Value, width: number): Value {
  const [n = 1, c = 1, h = 1, w = 1] = shapeOf(x);
  const origin = { path: value.origin.path, rules: [...value.origin.rules, name] };
  const b = builderAt({ graph, origin, before: value });
  const rows = b.reshape(x, { shape: [n, c, h, w / width, width] });
  const inner = { axes: [4], keep: false };
  if (is(value, "reduce_mean")) return b.reduce_mean(b.reduce_mean(rows, inner), value.attrs);
  return b.reduce_sum(b.reduce_sum(rows, inner), value.attrs);
}
