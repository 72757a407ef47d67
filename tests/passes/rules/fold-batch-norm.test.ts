import { describe, expect, it } from "vitest";
import { type Builder, builderAt } from "../../../src/ir/builder.ts";
import type { DType } from "../../../src/ir/dtype.ts";
import { Graph } from "../../../src/ir/graph.ts";
import { type Environment, interpret } from "../../../src/ir/interpret.ts";
import { at, ndarray } from "../../../src/ir/ndarray.ts";
import { type StaticType, count } from "../../../src/ir/type.ts";
import type { Value } from "../../../src/ir/value.ts";
import { foldBatchNorm } from "../../../src/passes/rules/fold-batch-norm.ts";
import { runPipeline } from "../../../src/passes/pass.ts";
import { passOf } from "../../../src/passes/rewriting.ts";
import { verifying } from "../../../src/passes/verifying.ts";

interface Parts {
  readonly bias?: boolean;
  readonly groups?: number;
  readonly dtype?: DType;
  /** Parameters that are inputs of the model instead. */
  readonly running?: readonly string[];
  /** What stands between the convolution and the norm. */
  readonly between?: (b: Builder, conv: Value) => Value;
  readonly outputs?: (b: Builder, conv: Value, norm: Value) => Readonly<Record<string, Value>>;
}

function graphOf(parts: Parts): Graph {
  const { groups = 1, dtype = "f32", running = [] } = parts;
  const graph = new Graph("g");
  const on = (path: string): Builder => builderAt({ graph, origin: { path, rules: [] } });
  const named = (key: string, shape: readonly number[]): Value =>
    running.includes(key) ? on(key).input({ dtype, shape }) : on(key).param({ key, dtype, shape });
  const x = on("x").input({ dtype, shape: [2, 4, 5, 5] });
  const vectors = ["scale", "shift", "mean", "var"].map((key) => named(key, [6])) as [Value, Value, Value, Value];
  const weight = named("kernel", [6, 4 / groups, 3, 3]);
  const bias = parts.bias ? named("bias", [6]) : undefined;
  const geometry = { stride: [2, 1], padding: [1, 1, 1, 0], dilation: [1, 1], groups };
  const conv = on("conv").conv(x, weight, bias, geometry);
  const norm = on("bn").batch_norm(parts.between?.(on("between"), conv) ?? conv, ...vectors, { eps: 0.01 });
  const outputs = parts.outputs?.(on("tail"), conv, norm) ?? { y: norm };
  graph.setOutputs(Object.entries(outputs).map(([name, value]) => ({ name, value })));
  return graph;
}

const numbers = (name: string, { dtype, shape }: StaticType) =>
  ndarray(
    dtype,
    shape,
    Float64Array.from({ length: count(shape) }, (_, i) => Math.sin(name.length + 3.7 * i) + (name === "var" ? 1.5 : 0)),
  );
const environment: Environment = { symbols: {}, input: numbers, param: numbers };

/** Runs the pass, checks validity and outputs, and gives the number of folds. */
function folds(graph: Graph): number | undefined {
  const before = interpret(graph, environment);
  const [run] = runPipeline(graph, [passOf(foldBatchNorm)], [verifying]);
  for (const [name, result] of interpret(graph, environment)) {
    const expected = before.get(name) ?? ndarray("f32", [], Float64Array.of());
    expect(result.shape).toEqual(expected.shape);
    for (let i = 0; i < result.data.length; i++) expect(at(result, i)).toBeCloseTo(at(expected, i), 10);
  }
  return run?.counts["fold-batch-norm"];
}

const fires: Readonly<Record<string, Parts>> = {
  "without a bias": {},
  "with a bias": { bias: true },
  "with groups": { groups: 2 },
  "with groups and a bias": { groups: 2, bias: true },
  "in f16": { dtype: "f16", bias: true },
  "where the norm has several uses": { outputs: (b, _, norm) => ({ y: b.add(norm, b.abs(norm)), tap: norm }) },
};

const nearMisses: Readonly<Record<string, Parts>> = {
  "the convolution has a second use, which needs its own numbers": {
    outputs: (b, conv, norm) => ({ y: b.add(norm, conv) }),
  },
  "the convolution is an output": { outputs: (_, conv, norm) => ({ y: norm, conv }) },
  "the norm does not follow at once": { between: (b, conv) => b.activation(conv, { kind: "relu" }) },
  "the kernel is no weight: folding would cost time in every run": { running: ["kernel"] },
  "the bias is no weight": { running: ["bias"], bias: true },
  "the variance is no weight": { running: ["var"] },
};

describe("fold-batch-norm", () => {
  it.each(Object.entries(fires))("fires %s", (_, parts) => {
    const graph = graphOf(parts);
    expect(folds(graph)).toBe(1);
    const body = [...graph.values()].filter((value) => !value.isWeight).map((value) => value.op);
    expect(body).not.toContain("batch_norm");
    const [conv] = [...graph.values()].filter((value) => value.op === "conv");
    expect([conv?.origin.path, conv?.origin.rules]).toEqual(["conv", ["fold-batch-norm"]]);
    expect(folds(graph)).toBe(0);
  });

  it.each(Object.entries(nearMisses))("stays away where %s", (_, parts) => expect(folds(graphOf(parts))).toBe(0));
});
