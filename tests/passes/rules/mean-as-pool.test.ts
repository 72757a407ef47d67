import { describe, expect, it } from "vitest";
import type { Builder } from "../../../src/ir/builder.ts";
import { type Dim, symbol } from "../../../src/ir/dim.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Value } from "../../../src/ir/value.ts";
import { passOf } from "../../../src/passes/rewriting.ts";
import { meanAsPool } from "../../../src/passes/rules/mean-as-pool.ts";
import { applied, body, graphOf, reason } from "./harness.ts";

const pass = passOf(meanAsPool);

const mean = (
  axes: readonly number[],
  keep: boolean,
  shape: readonly Dim[],
  before?: (b: Builder, x: Value) => Value,
) =>
  graphOf((on) => {
    const x = on("x").input({ shape: [symbol("N"), ...shape] });
    return { y: on("pool").reduce_mean(before?.(on("before"), x) ?? x, { axes, keep }) };
  });

const fires: readonly [name: string, graph: Graph, ops: readonly string[]][] = [
  ["with keep", mean([2, 3], true, [3, 4, 5]), ["input", "avg_pool"]],
  ["without keep", mean([2, 3], false, [3, 4, 5]), ["input", "avg_pool", "reshape"]],
  ["with the axes counted from the end", mean([-1, -2], false, [3, 4, 5]), ["input", "avg_pool", "reshape"]],
];

const nearMisses: readonly [why: string, graph: Graph][] = [
  ["axes [1] of rank 3: a pool averages axes 2 and 3 of rank 4", mean([1], false, [5, 3])],
  ["axes [1,2] of rank 4: a pool averages axes 2 and 3 of rank 4", mean([1, 2], false, [4, 5, 3])],
  ["axes [2] of rank 4: a pool averages axes 2 and 3 of rank 4", mean([2], true, [3, 4, 5])],
  ["the window is known only when the model runs", mean([2, 3], true, [3, symbol("N"), 5])],
  ["the image has no pixels", mean([2, 3], true, [3, 0, 5])],
  ["the image has no pixels", mean([2, 3], false, [3, 4, 0])],
  [
    "x is a transpose: no blocked layout would be kept",
    mean([2, 3], true, [4, 5, 3], (b, x) => b.transpose(x, { perm: [0, 3, 1, 2] })),
  ],
];

describe("mean-as-pool", () => {
  it.each(fires)("fires %s", (_, graph, ops) => {
    expect(applied(graph, pass)).toEqual({ "mean-as-pool": 1 });
    expect(body(graph)).toEqual(ops);
  });

  it.each(nearMisses)("%s", (why, graph) => {
    expect(reason(meanAsPool, graph)).toBe(why);
    expect(applied(graph, pass)).toEqual({ "mean-as-pool": 0 });
  });
});
