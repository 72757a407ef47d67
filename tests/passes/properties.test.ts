import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Graph } from "../../src/ir/graph.ts";
import { interpret } from "../../src/ir/interpret.ts";
import type { NdArray } from "../../src/ir/ndarray.ts";
import { at } from "../../src/ir/ndarray.ts";
import { cse } from "../../src/passes/cse.ts";
import { deadCode } from "../../src/passes/dead-code.ts";
import { foldInput } from "../../src/passes/fold-input.ts";
import { narrow } from "../../src/passes/narrow.ts";
import { gates } from "../../src/passes/gates.ts";
import { layout, layoutRules } from "../../src/passes/layout.ts";
import { type Pipeline, runPipeline } from "../../src/passes/pass.ts";
import { passOf, rewriting } from "../../src/passes/rewriting.ts";
import { foldBatchNorm } from "../../src/passes/rules/fold-batch-norm.ts";
import { fuseConv } from "../../src/passes/rules/fuse-conv.ts";
import { packHeads } from "../../src/passes/rules/pack-heads.ts";
import { permuteRows } from "../../src/passes/rules/permute-rows.ts";
import { scaleIntoPackedQuery, scaleIntoQuery } from "../../src/passes/rules/scale-into-query.ts";
import { spreadGate } from "../../src/passes/rules/spread-gate.ts";
import { foldScale } from "../../src/passes/rules/fold-scale.ts";
import { meanAsPool } from "../../src/passes/rules/mean-as-pool.ts";
import { pointwiseLinear } from "../../src/passes/rules/pointwise-linear.ts";
import { presets } from "../../src/passes/presets.ts";
import { verifying } from "../../src/passes/verifying.ts";
import { environment, randomGraph } from "../ir/random-graph.ts";

const pipelines: Readonly<Record<string, Pipeline>> = {
  [deadCode.name]: [deadCode],
  [foldBatchNorm.name]: [passOf(foldBatchNorm)],
  [permuteRows.name]: [passOf(permuteRows, "backward")],
  [scaleIntoQuery.name]: [rewriting("scale-into-query", [scaleIntoQuery, scaleIntoPackedQuery])],
  "fuse-conv": [
    rewriting(
      "fuse-conv",
      fuseConv((_, kind) => kind !== "silu" || "no silu"),
    ),
  ],
  [packHeads.name]: [passOf(packHeads)],
  [spreadGate.name]: [passOf(spreadGate)],
  [cse.name]: [cse],
  [foldInput.name]: [foldInput],
  [narrow.name]: [narrow],
  [foldScale.name]: [passOf(foldScale)],
  [gates.name]: [gates],
  [layout.name]: [layout],
  [pointwiseLinear.name]: [rewriting(pointwiseLinear.name, [pointwiseLinear, ...layoutRules])],
  [meanAsPool.name]: [passOf(meanAsPool)],
  ...presets,
};

/** Equal up to rounding, measured against the largest number: sums may cancel. */
function expectEqual(actual: NdArray | undefined, expected: NdArray): void {
  expect([actual?.dtype, actual?.shape]).toEqual([expected.dtype, expected.shape]);
  const finite = [...expected.data].filter(Number.isFinite).map(Math.abs);
  const tolerance = 1e-9 * finite.reduce((a, b) => Math.max(a, b), 1);
  for (let i = 0; i < expected.data.length; i++) {
    const [a, e] = [actual === undefined ? Number.NaN : at(actual, i), at(expected, i)];
    if (!Object.is(a, e) && !(Math.abs(a - e) <= tolerance)) expect.fail(`element ${i}: ${a} instead of ${e}`);
  }
}

/** The same graphs on every run: where values are equal by algebra alone, `less` and `cast` may tell rounding apart. */
const seed = 20_260_101;

const total = (graph: Graph, pipeline: Pipeline): number =>
  runPipeline(graph, pipeline, [verifying])
    .flatMap(({ counts }) => Object.values(counts))
    .reduce((a, b) => a + b, 0);

describe.each(Object.entries(pipelines))("%s", (_, pipeline) => {
  it("keeps graphs valid and every output, and leaves nothing for a second run", { timeout: 60_000 }, () => {
    let rewrites = 0;
    fc.assert(
      fc.property(randomGraph, (graph) => {
        const before = interpret(graph, environment);
        rewrites += total(graph, pipeline);
        const after = interpret(graph, environment);
        expect([...after.keys()]).toEqual([...before.keys()]);
        for (const [name, expected] of before) expectEqual(after.get(name), expected);
        expect(total(graph, pipeline)).toBe(0);
      }),
      { seed, numRuns: 60 },
    );
    expect(rewrites).toBeGreaterThan(0);
  });
});
