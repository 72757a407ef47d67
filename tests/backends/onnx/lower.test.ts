import { describe, expect, it } from "vitest";
import { emitOnnx } from "../../../src/backends/onnx/emit.ts";
import type { AttrValue } from "../../../src/ir/attr.ts";
import { encodeNumbers } from "../../../src/ir/bytes.ts";
import type { StaticType } from "../../../src/ir/type.ts";
import { is } from "../../../src/ir/value.ts";
import {
  type CaseGraph,
  bind,
  caseGraph,
  describeCase,
  expectClose,
  reference,
  sample,
} from "../../ir/ops/case-graph.ts";
import { type Subject, tolerances } from "../../ir/ops/cases/case.ts";
import { subjects, testedOps } from "../../ir/ops/cases/index.ts";
import { runOnnx } from "../../ir/ops/hand-model.ts";

const runs = 60;
const batches = [1, 2, 3];
/** 18 changes Resize and the reductions, 20 brings Gelu, 23 RMSNormalization. */
const opsets = [17, 18, 20, 23];
/** What depends on no operand is an initializer. */
const sources = new Set(["constant", "iota"]);

/** Each op through legalisation and lowering, with a symbolic batch, against the reference semantics. */
describe.each(opsets)("opset %i: every op survives its lowering", (opset) => {
  it.each(testedOps.filter((op) => !sources.has(op)))("%s", async (op) => {
    const subject = subjects[op] as Subject<Readonly<Record<string, AttrValue>>>;
    const graph = caseGraph(op, sample(subject.cases, runs));
    const results = await emitAndRun(graph, opset);
    expect(results.length).toBe(batches.length);
    for (const [i, batch] of batches.entries())
      for (const [name, expected] of reference(graph, batch))
        expectClose(results[i]?.get(name), expected, tolerances[subject.tolerance], () => {
          const c = graph.cases[Number(name.slice(1))];
          return `N=${batch} ${c === undefined ? name : describeCase(op, c)}`;
        });
  });
});

/** The outputs for every batch of one session. */
function emitAndRun({ graph, numbers }: CaseGraph, opset: number) {
  const parameters = {
    bytes: (key: string, { dtype, shape }: StaticType) => encodeNumbers(dtype, numbers(key, shape).data),
  };
  const { model, initializers } = emitOnnx(graph, parameters, { opset, producerVersion: "", metadata: [] });
  const inputs = [...graph.values()].filter((value) => is(value, "input"));
  const feeds = batches.map(
    (batch) => new Map(inputs.map(({ name, type }) => [name, numbers(name, bind(type.shape, batch))])),
  );
  return runOnnx(model, initializers, feeds);
}
