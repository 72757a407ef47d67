import { describe, expect, it } from "vitest";
import { legalization } from "../../../src/backends/onnx/legalize.ts";
import type { Forms } from "../../../src/backends/onnx/forms.ts";
import type { AttrValue } from "../../../src/ir/attr.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import { interpret } from "../../../src/ir/interpret.ts";
import type { OpName } from "../../../src/ir/ops/index.ts";
import { is } from "../../../src/ir/value.ts";
import { runPipeline } from "../../../src/passes/pass.ts";
import { verifying } from "../../../src/passes/verifying.ts";
import { caseGraph, describeCase, environment, expectClose, reference, sample } from "../../ir/ops/case-graph.ts";
import { type Subject, tolerances } from "../../ir/ops/cases/case.ts";
import { subjects } from "../../ir/ops/cases/index.ts";
import { graphOf } from "../../passes/rules/harness.ts";

/** What FusedConv is. */
const chain = (): Graph =>
  graphOf((on) => {
    const x = on("x").input({ shape: [2, 3, 5, 5] });
    const kernel = on("kernel").param({ key: "kernel", shape: [4, 3, 1, 1] });
    const made = on("conv").conv(x, kernel, undefined, { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] });
    return { y: on("act").activation(made, { kind: "relu" }) };
  });

const rewritten = [
  "attention",
  "fused_conv",
  "group_norm",
  "linear",
  "packed_attention",
  "resize",
  "rms_norm",
  "roll",
] as const satisfies readonly OpName[];

const everyForms: readonly Forms[] = [17, 23].flatMap((opset) => [
  { opset, ops: "standard" },
  { opset, ops: "ort" },
]);

/** What the forms have no operator for. */
const gone = ({ opset, ops }: Forms): readonly OpName[] => [
  "attention",
  "roll",
  ...(opset < 23 ? (["packed_attention"] as const) : []),
  ...(ops === "standard" ? (["fused_conv"] as const) : []),
];

function legalize(graph: Graph, forms: Forms): Graph {
  const { graph: legal } = graph.clone();
  runPipeline(legal, [legalization(forms)], [verifying]);
  return legal;
}

const running = (graph: Graph): OpName[] => [...graph.values()].flatMap((v) => (v.isWeight ? [] : [v.op]));

describe.each(everyForms)("opset $opset, $ops: legalisation", (forms) => {
  it.each(rewritten)("of %s keeps the function and the types", (op) => {
    const subject = subjects[op] as Subject<Readonly<Record<string, AttrValue>>>;
    const graph = caseGraph(op, sample(subject.cases, 60));
    const legal = legalize(graph.graph, forms);
    expect(running(legal).filter((name) => gone(forms).includes(name))).toEqual([]);
    const results = interpret(legal, environment(graph, 2));
    for (const [name, expected] of reference(graph, 2))
      expectClose(results.get(name), expected, tolerances.reordering, () => {
        const c = graph.cases[Number(name.slice(1))];
        return c === undefined ? name : describeCase(op, c);
      });
  });

  it("transposes the weights of linear as weight expressions", () => {
    const graph = caseGraph("linear", sample(subjects.linear.cases, 60));
    const body = running(legalize(graph.graph, forms));
    expect(body).toContain("matmul");
    expect(body).not.toContain("transpose");
  });

  it("leaves an op whose operator the forms have as it is, where that takes it", () => {
    const { graph } = caseGraph("packed_attention", sample(subjects.packed_attention.cases, 60));
    const left = [...legalize(graph, forms).values()].filter((v) => is(v, "packed_attention"));
    if (forms.opset < 23) return expect(left).toEqual([]);
    expect(left.some((v) => v.operands[3] !== undefined)).toBe(true);
    for (const { operands } of left) {
      const [q, k, , bias] = operands.map((x) => x?.type.shape);
      if (bias !== undefined) expect(bias.slice(-2)).toEqual([q?.[1], k?.[1]]);
    }
  });

  it("puts no operators together: that is for the passes", () => {
    const graph = chain();
    expect(running(legalize(graph, forms))).toEqual(["input", "conv", "activation"]);
  });
});
