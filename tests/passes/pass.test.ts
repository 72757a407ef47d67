import { expect, it } from "vitest";
import { Graph } from "../../src/ir/graph.ts";
import { type Pass, runPipeline } from "../../src/passes/pass.ts";
import { verifying } from "../../src/passes/verifying.ts";
import { refusal } from "../ir/refusal.ts";

const origin = { path: "x", rules: [] };
const careless: Pass = {
  name: "careless",
  run(graph) {
    for (const value of graph.values()) Object.assign(value, { uses: 7 });
    return {};
  },
};

it("a broken graph is found behind the pass that broke it", () => {
  const graph = new Graph("g");
  graph.insert("input", [], { shape: [1] }, origin);
  expect(refusal(() => runPipeline(graph, [careless], [verifying]))).toBe(
    "pass careless > graph @g > %x: has 0 uses, but 7 are recorded",
  );
});
