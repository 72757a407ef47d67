import { describe, expect, it } from "vitest";
import type { FormRequest } from "../../src/driver/forms.ts";
import { pipelineName, pipelineOf, positionAfter } from "../../src/driver/pipeline.ts";
import { TimmcError } from "../../src/ir/error.ts";
import type { OptimizationLevel } from "../../src/passes/presets.ts";
import type { Pipeline } from "../../src/passes/pass.ts";

const names = (pipeline: Pipeline): string[] => pipeline.map((pass) => pass.name);
const levels = ["O0", "O1", "O2"] as const;

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof TimmcError) return `${error.code}: ${error.describe()}`;
    throw error;
  }
  return "no refusal";
}

describe("a pipeline", () => {
  it("of a level can be asked for by its passes' names", () => {
    const rules = (pipeline: Pipeline) => pipeline.map((pass) => [pass.name, pass.rules?.map((r) => r.name)]);
    const o2 = pipelineOf("O2");
    expect(rules(pipelineOf("O0", names(o2)))).toEqual(rules(o2));
    for (const level of levels)
      expect(names(pipelineOf("O2", names(pipelineOf(level))))).toEqual(names(pipelineOf(level)));
  });

  it("of names has these passes in this order, as often as they are named", () => {
    const asked = ["fold-batch-norm", "dead-code", "fold-batch-norm"];
    expect(names(pipelineOf("O0", asked))).toEqual(asked);
    expect(pipelineOf("O2", [])).toEqual([]);
  });

  it("refuses a name that is none, and lists all", () => {
    expect(refusal(() => pipelineOf("O0", ["dead-code", "fold-batchnorm"]))).toMatch(
      /^usage: timmc has no pass "fold-batchnorm"\n.*Did you mean "fold-batch-norm"\? The passes are .*fold-batch-norm/,
    );
    expect(refusal(() => pipelineOf("O0", [""]))).toMatch(/^usage: timmc has no pass ""\n.*The passes are dead-code, /);
  });

  it("has what an operator takes in one where the forms have it, at -O2 alone", () => {
    const own = { opset: 23, onnxOps: "ort" } as const;
    const added = (level: OptimizationLevel, forms: FormRequest): string[] => {
      const common = names(pipelineOf(level));
      return names(pipelineOf(level, null, forms)).filter((name) => !common.includes(name));
    };
    expect(added("O2", own)).toEqual(["pack-heads", "fuse-conv"]);
    expect(added("O2", { opset: 22, onnxOps: "ort" })).toEqual(["fuse-conv"]);
    expect(added("O2", { opset: 23, onnxOps: "standard" })).toEqual(["pack-heads"]);
    expect([...added("O0", own), ...added("O1", own)]).toEqual([]);
    expect(names(pipelineOf("O0", ["fuse-conv", "pack-heads"], own))).toEqual(["fuse-conv", "pack-heads"]);
  });

  it("refuses a pass of other forms, and says of which", () => {
    expect(refusal(() => pipelineOf("O2", ["pack-heads"]))).toBe(
      'usage: the pass "pack-heads" is none of opset 17 and standard operators\n  It comes with --opset 23.',
    );
    expect(refusal(() => pipelineOf("O2", ["fuse-conv"], { opset: 23, onnxOps: "standard" }))).toBe(
      'usage: the pass "fuse-conv" is none of opset 23 and standard operators\n  It comes with --onnx-ops ort.',
    );
  });

  it("is called as it is asked for", () => {
    expect([pipelineName("O1"), pipelineName("O1", ["a", "b"]), pipelineName("O1", [])]).toEqual([
      "-O1",
      "--passes a,b",
      "--passes none",
    ]);
  });
});

it("a pass ends where it runs for the last time", () => {
  const pipeline = pipelineOf("O2", ["dead-code", "fold-batch-norm", "dead-code"]);
  expect(positionAfter(pipeline, "dead-code", "-O2")).toBe(3);
  expect(positionAfter(pipeline, "fold-batch-norm", "-O2")).toBe(2);
  expect(refusal(() => positionAfter(pipeline, "fold", "-O2"))).toBe(
    'usage: -O2 has no pass "fold"\n  Did you mean "fold-batch-norm"?',
  );
  expect(refusal(() => positionAfter([], "zzz", "--passes none"))).toBe(
    'usage: --passes none has no pass "zzz"\n  It has no passes.',
  );
});
