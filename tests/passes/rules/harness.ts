import { expect } from "vitest";
import { type Builder, builderAt } from "../../../src/ir/builder.ts";
import { Graph } from "../../../src/ir/graph.ts";
import { type Environment, interpret } from "../../../src/ir/interpret.ts";
import { type NdArray, at, ndarray } from "../../../src/ir/ndarray.ts";
import { type StaticType, count } from "../../../src/ir/type.ts";
import type { Value } from "../../../src/ir/value.ts";
import { type Counts, type Pass, runPipeline } from "../../../src/passes/pass.ts";
import type { Rule } from "../../../src/passes/rule.ts";
import { verifying } from "../../../src/passes/verifying.ts";

/** A graph whose outputs are what `build` answers; `on(path)` builds with that module path. */
export function graphOf(build: (on: (path: string) => Builder) => Readonly<Record<string, Value>>): Graph {
  const graph = new Graph("g");
  const outputs = build((path) => builderAt({ graph, origin: { path, rules: [] } }));
  graph.setOutputs(Object.entries(outputs).map(([name, value]) => ({ name, value })));
  return graph;
}

/** Numbers in [-1, 1] that depend on the name and the position alone; variances are positive, indices count up. */
export function numbers(name: string, { dtype, shape }: StaticType): NdArray {
  const lift = name.endsWith("var") ? 1.5 : 0;
  const salt = [...name].reduce((h, c) => (h * 31 + c.charCodeAt(0)) % 9973, 7);
  const data = Float64Array.from({ length: count(shape) }, (_, i) =>
    dtype.startsWith("f") || dtype === "bf16" ? Math.sin(salt + 12.9898 * i) + lift : i % 3,
  );
  return ndarray(dtype, shape, data);
}

/** Symbols of the tests: a batch of two. */
export const environment: Environment = { symbols: { N: 2 }, input: numbers, param: numbers };

/** Runs a pass on the graph, checks that the graph is valid and every output the same, and tells what the pass did. */
export function applied(graph: Graph, pass: Pass): Counts {
  const before = interpret(graph, environment);
  const [run] = runPipeline(graph, [pass], [verifying]);
  const after = interpret(graph, environment);
  expect([...after.keys()]).toEqual([...before.keys()]);
  for (const [name, expected] of before) {
    const actual = after.get(name) ?? ndarray("f32", [], Float64Array.of());
    expect([actual.dtype, actual.shape]).toEqual([expected.dtype, expected.shape]);
    for (let i = 0; i < actual.data.length; i++) {
      const [a, e] = [at(actual, i), at(expected, i)];
      if (!Object.is(a, e)) expect(a).toBeCloseTo(e, 9);
    }
  }
  return run?.counts ?? {};
}

/** What runs with the model, op by op. */
export const body = (graph: Graph): string[] => [...graph.values()].flatMap((v) => (v.isWeight ? [] : [v.op]));

/** Why a rule stays away: its answer at the last value that it could replace. */
export function reason(rule: Rule, graph: Graph): string {
  const root = [...graph.values()].findLast((v) => rule.ops.includes(v.op) && !v.isWeight);
  const answer = root === undefined ? "nothing to replace" : rule.match(root, graph);
  return typeof answer === "string" ? answer : "it fires";
}
