import { describe, expect, it } from "vitest";
import { legalization } from "../../../src/backends/onnx/legalize.ts";
import type { AttrValue } from "../../../src/ir/attr.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import { interpret } from "../../../src/ir/interpret.ts";
import type { OpName } from "../../../src/ir/ops/index.ts";
import { runPipeline } from "../../../src/passes/pass.ts";
import { verifying } from "../../../src/passes/verifying.ts";
import { caseGraph, describeCase, environment, expectClose, reference, sample } from "../../ir/ops/case-graph.ts";
import { type Subject, tolerances } from "../../ir/ops/cases/case.ts";
import { subjects } from "../../ir/ops/cases/index.ts";

const rewritten = ["attention", "group_norm", "linear", "resize", "rms_norm", "roll"] as const;
const gone: readonly OpName[] = ["attention", "roll"];

function legalize(graph: Graph, opset: number): Graph {
  const { graph: legal } = graph.clone();
  runPipeline(legal, [legalization({ opset, ops: "standard" })], [verifying]);
  return legal;
}

describe.each([17, 23])("opset %i: legalisation", (opset) => {
  it.each(rewritten)("of %s keeps the function and the types", (op) => {
    const subject = subjects[op] as Subject<Readonly<Record<string, AttrValue>>>;
    const graph = caseGraph(op, sample(subject.cases, 60));
    const legal = legalize(graph.graph, opset);
    for (const value of legal.values()) if (!value.isWeight) expect(gone).not.toContain(value.op);
    const results = interpret(legal, environment(graph, 2));
    for (const [name, expected] of reference(graph, 2))
      expectClose(results.get(name), expected, tolerances.reordering, () => {
        const c = graph.cases[Number(name.slice(1))];
        return c === undefined ? name : describeCase(op, c);
      });
  });

  it("transposes the weights of linear as weight expressions", () => {
    const graph = caseGraph("linear", sample(subjects.linear.cases, 60));
    const body = [...legalize(graph.graph, opset).values()].filter((value) => !value.isWeight).map((value) => value.op);
    expect(body).toContain("matmul");
    expect(body).not.toContain("transpose");
  });
});
