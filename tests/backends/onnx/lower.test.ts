import { describe, expect, it } from "vitest";
import type { AttrValue } from "../../../src/ir/attr.ts";
import { caseGraph, describeCase, expectClose, reference, sample } from "../../ir/ops/case-graph.ts";
import { type Subject, tolerances } from "../../ir/ops/cases/case.ts";
import { subjects, testedOps } from "../../ir/ops/cases/index.ts";
import { emitAndRun } from "./emit-and-run.ts";

const runs = 40;
const batches = [1, 2, 3];
/** 18 changes Resize and the reductions, 20 brings Gelu, 23 RMSNormalization. */
const opsets = [17, 18, 20, 23];
/** What depends on no operand is an initializer. */
const sources = new Set(["constant", "iota"]);

/** Each op through legalisation and lowering, with a symbolic batch, against the reference semantics. */
const lowered = testedOps.filter((op) => !sources.has(op));
const suites = [
  ...opsets.map((opset) => ({ opset, ops: "standard" as const, tested: lowered })),
  // What has forms of ONNX Runtime's own.
  ...[17, 23].map((opset) => ({ opset, ops: "ort" as const, tested: ["activation", "conv", "fused_conv"] as const })),
];

describe.each(suites)("opset $opset, $ops: every op survives its lowering", ({ opset, ops, tested }) => {
  it.each(tested)("%s", async (op) => {
    const subject = subjects[op] as Subject<Readonly<Record<string, AttrValue>>>;
    const graph = caseGraph(op, sample(subject.cases, runs));
    const bindings = batches.map((batch) => ({ N: batch }));
    const results = await emitAndRun(graph.graph, graph.numbers, bindings, opset, ops);
    expect(results.length).toBe(batches.length);
    for (const [i, batch] of batches.entries())
      for (const [name, expected] of reference(graph, batch))
        expectClose(results[i]?.get(name), expected, tolerances[subject.tolerance], () => {
          const c = graph.cases[Number(name.slice(1))];
          return `N=${batch} ${c === undefined ? name : describeCase(op, c)}`;
        });
  });
});
