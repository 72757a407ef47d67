import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { onnxPasses } from "../../src/backends/onnx/passes.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { interpret } from "../../src/ir/interpret.ts";
import type { NdArray } from "../../src/ir/ndarray.ts";
import { at } from "../../src/ir/ndarray.ts";
import { type Counts, type Pipeline, runPipeline } from "../../src/passes/pass.ts";
import { presets } from "../../src/passes/presets.ts";
import { verifying } from "../../src/passes/verifying.ts";
import { environment, randomGraph } from "../ir/random-graph.ts";

/** Every pass of the highest level alone, with all that ONNX Runtime's newest forms add, and the levels as they come. */
const passes = [...presets.O2, ...onnxPasses({ opset: 23, ops: "ort" }).O2];
const pipelines: Readonly<Record<string, Pipeline>> = {
  ...Object.fromEntries(passes.map((pass) => [pass.name, [pass]])),
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

const run = (graph: Graph, pipeline: Pipeline): Counts[] =>
  runPipeline(graph, pipeline, [verifying]).map(({ counts }) => counts);

describe.each(Object.entries(pipelines))("%s", (_, pipeline) => {
  it("keeps graphs valid and every output, leaves nothing for a second run", { timeout: 60_000 }, () => {
    const fired: Record<string, number> = {};
    fc.assert(
      fc.property(randomGraph, (graph) => {
        const before = interpret(graph, environment);
        for (const [rule, n] of run(graph, pipeline).flatMap(Object.entries<number>))
          fired[rule] = (fired[rule] ?? 0) + n;
        const after = interpret(graph, environment);
        expect([...after.keys()]).toEqual([...before.keys()]);
        for (const [name, expected] of before) expectEqual(after.get(name), expected);
        expect(
          run(graph, pipeline)
            .flatMap((counts) => Object.entries(counts))
            .filter(([, n]) => n > 0),
        ).toEqual([]);
      }),
      { seed, numRuns: 120 },
    );
    // Behind others a rule may find nothing left; alone it must.
    const idle = Object.keys(fired).filter((rule) => fired[rule] === 0);
    if (pipeline.length === 1) expect(idle).toEqual([]);
  });
});
