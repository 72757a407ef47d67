import { beforeAll, describe, expect, it } from "vitest";
import { binary, literal } from "../../../../src/backends/kernel/expr.ts";
import type { Statement, ThreadKernel } from "../../../../src/backends/kernel/thread.ts";
import { type CaseGraph, caseGraph, describeCase, expectClose } from "../../../ir/ops/case-graph.ts";
import { type OpCase, tolerances } from "../../../ir/ops/cases/case.ts";
import { type TestedOp, subjects, testedOps } from "../../../ir/ops/cases/index.ts";
import { describeOnGpu } from "../../../webgpu-device.ts";
import { shapeClasses } from "./cases.ts";
import { drawn, fixed } from "./drawn.ts";
import { type Executor, type Run, executors, reference } from "./executors.ts";

/** Small cases of each op beside those of its shape classes; of an LSTM fewer, whose every step is kernels. */
const runs = 6;

/** The cases of an op that a program computes: what depends on weights alone is computed when it is compiled. */
function casesOf(op: TestedOp): { readonly graph: CaseGraph; readonly names: readonly string[] } {
  const classes = Object.entries(shapeClasses[op] ?? {});
  const all: [string, OpCase][] = [
    ...classes,
    ...drawn(op, op === "lstm" ? 2 : runs).map((c): [string, OpCase] => ["drawn", fixed(c)]),
  ];
  const kept = all.filter(([, c]) => c.operands.some((x) => x !== undefined && !x.weight));
  const graph = caseGraph(
    op,
    kept.map(([, c]) => c),
  );
  return { graph, names: kept.map(([name]) => name) };
}

/** What passes make for ONNX alone. */
const refused: ReadonlySet<string> = new Set([
  "dequantize",
  "dynamic_matmul",
  "fused_conv",
  "packed_attention",
  "quantize",
]);

/** What depends on no operand is a weight. */
const computed = testedOps.filter((op) => op !== "constant" && op !== "iota");

for (const executor of executors)
  (executor.needsGpu ? describeOnGpu : describe)(executor.name, () => conforms(executor));

function conforms({ open, kernels }: Executor): void {
  let run: Run;
  beforeAll(async () => {
    run = await open();
  });

  it.each(computed)("%s", async (op) => {
    const { graph, names } = casesOf(op);
    if (kernels && refused.has(op)) {
      await expect(run(graph)).rejects.toThrow(`${op} has no kernel`);
      return;
    }
    const wanted = reference(graph);
    const results = await run(graph);
    for (const [name, expected] of wanted) {
      const i = Number(name.slice(1));
      const c = graph.cases[i] as OpCase;
      expectClose(
        results.get(name),
        expected,
        tolerances[subjects[op].tolerance],
        () => `${names[i]}: ${describeCase(op, c)}`,
      );
    }
  });

  if (!kernels) return;
  it("a kernel that is wrong by a hundredth is found", async () => {
    const wrong = await open(slightlyWrong);
    const c = shapeClasses.layer_norm?.["odd"] as OpCase;
    const cases = caseGraph("layer_norm", [c]);
    const wanted = reference(cases).get("y0");
    const result = (await wrong(cases)).get("y0");
    expect(wanted).toBeDefined();
    if (wanted !== undefined)
      expect(() => expectClose(result, wanted, tolerances.normalisation, () => "wrong")).toThrow(/instead of/);
  });
}

/** What it stores is multiplied by 1.01. */
function slightlyWrong(kernel: ThreadKernel): ThreadKernel {
  const wrong = (s: Statement): Statement => {
    if (s.kind === "for" || s.kind === "if") return { ...s, body: s.body.map(wrong) };
    return s.kind === "store" && s.buffer.space === "device"
      ? { ...s, value: binary("mul", s.value, literal(1.01)) }
      : s;
  };
  return { ...kernel, body: kernel.body.map(wrong) };
}
