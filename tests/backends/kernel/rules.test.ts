import { describe, expect, it } from "vitest";
import { buildProgram } from "../../../src/backends/kernel/build.ts";
import { kernelPasses } from "../../../src/backends/kernel/passes.ts";
import { interpret } from "../../../src/ir/interpret.ts";
import type { OpName } from "../../../src/ir/ops/index.ts";
import { verifying } from "../../../src/passes/verifying.ts";
import { runPipeline } from "../../../src/passes/pass.ts";
import { caseGraph, describeCase, environment, expectClose } from "../../ir/ops/case-graph.ts";
import { type OpCase, body, tolerances, weight } from "../../ir/ops/cases/case.ts";
import type { TestedOp } from "../../ir/ops/cases/index.ts";
import { drawn, fixed } from "./conformance/drawn.ts";

const wide = (n: number, m: number, e: number, bias: boolean): OpCase => ({
  operands: [body([2, n, 5]), body([2, m, 5]), body([2, m, e]), bias ? body([n, m]) : undefined],
  attrs: { scale: 0.4 },
});

/** What each rule turns into others, and a case that it leaves alone. */
const subjects: readonly { op: TestedOp; cases: readonly OpCase[]; left: readonly OpName[] }[] = [
  { op: "lstm", cases: drawn("lstm", 10).map(fixed), left: ["matmul", "linear"] },
  { op: "attention", cases: [wide(3, 4, 129, true), wide(1, 7, 200, false)], left: ["softmax"] },
  {
    op: "batch_norm",
    cases: drawn("batch_norm", 20).map(fixed),
    left: ["mul", "add"],
  },
];

describe("what kernels need is equal", () => {
  it.each(subjects)("$op", ({ op, cases, left }) => {
    const one = caseGraph(op, cases);
    const environ = environment(one, 1);
    const before = interpret(one.graph, environ);
    runPipeline(one.graph, kernelPasses.O1, [verifying]);
    const after = interpret(one.graph, environ);
    for (const [name, expected] of before)
      expectClose(after.get(name), expected, tolerances.reordering, () =>
        describeCase(op, cases[Number(name.slice(1))] as OpCase),
      );
    const ops = new Set([...one.graph.values()].map((v) => v.op));
    for (const name of left) expect(ops).toContain(name);
    expect(ops).not.toContain(op);
    expect(() => buildProgram(one.graph)).not.toThrow();
  });

  it("attention over many positions stays one kernel", () => {
    const operands = [weight([1, 300, 200]), body([1, 1000, 200]), body([1, 1000, 200]), undefined];
    const one = caseGraph("attention", [{ operands, attrs: { scale: 1 } }, wide(3, 4, 128, true)]);
    runPipeline(one.graph, kernelPasses.O2);
    expect([...one.graph.values()].filter((v) => v.op === "attention")).toHaveLength(2);
  });
});
