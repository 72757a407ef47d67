import { describe, expect, it } from "vitest";
import type { Builder } from "../../../src/ir/builder.ts";
import { symbol } from "../../../src/ir/dim.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import { interpret } from "../../../src/ir/interpret.ts";
import type { NdArray } from "../../../src/ir/ndarray.ts";
import type { StaticType } from "../../../src/ir/type.ts";
import type { Value } from "../../../src/ir/value.ts";
import { precisionPasses } from "../../../src/backends/onnx/precision.ts";
import { runPipeline } from "../../../src/passes/pass.ts";
import { type Calibration, type Range, seenValues } from "../../../src/passes/precision/calibration.ts";
import { fingerprint } from "../../../src/passes/precision/fingerprint.ts";
import { verifying } from "../../../src/passes/verifying.ts";
import { emitAndRun } from "../../backends/onnx/emit-and-run.ts";
import { refusal } from "../../ir/refusal.ts";
import { environment, graphOf, numbers } from "../rules/harness.ts";
import { errorOf } from "./rounded.ts";

interface Parts {
  readonly b: Builder;
  readonly x: Value;
  readonly weight: (shape: readonly number[]) => Value;
}

const graph = (shape: readonly number[], build: (parts: Parts) => Readonly<Record<string, Value>>): Graph =>
  graphOf((on) =>
    build({
      b: on("m"),
      x: on("x").input({ shape: [symbol("N"), ...shape] }),
      weight: (of) => on(`w${of.join()}`).param({ key: `w${of.join()}`, shape: of }),
    }),
  );

/** The ranges that the interpreter sees. */
function observed(g: Graph, float: readonly string[] = []): Calibration {
  const ranges: Record<string, Range> = {};
  const seen = new Set(seenValues(g));
  interpret(g, environment, (value, { data }) => {
    if (!seen.has(value)) return;
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const v of data) [min, max] = [Math.min(min, v), Math.max(max, v)];
    ranges[value.name] = { min, max, low: min, high: max };
  });
  return { precision: "int8", graph: fingerprint(g), ranges, float };
}

const standard = { opset: 21, ops: "standard" } as const;

function quantized(g: Graph, float: readonly string[] = []): string[] {
  runPipeline(g, precisionPasses("int8", observed(g, float), standard), [verifying]);
  return [...g.values()].flatMap((v) => (v.isWeight ? [] : [v.op]));
}

const same = { stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1] };
const pointwise = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] };
type Kind = "relu" | "relu6" | "hard_swish" | "silu" | "leaky_relu" | "sigmoid" | "hard_sigmoid";

/** Two convolutions around an activation, a residual sum, a pool and a classifier. */
const residual = (kind: Kind): Graph =>
  graph([4, 6, 6], ({ b, x, weight }) => {
    const first = b.activation(b.conv(x, weight([8, 4, 3, 3]), weight([8]), same), {
      kind,
      alpha: kind === "leaky_relu" ? 0.1 : 0,
    });
    const second = b.conv(first, weight([8, 8, 3, 3]), undefined, same);
    const sum = b.activation(b.add(second, first), { kind: "relu" });
    const pooled = b.avg_pool(b.max_pool(sum, { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 0, 0] }), {
      kernel: [3, 3],
      stride: [3, 3],
      padding: [0, 0, 0, 0],
    });
    return { sum, logits: b.linear(b.reshape(pooled, { shape: [symbol("N"), 8] }), weight([5, 8]), weight([5])) };
  });

const gated = (): Graph =>
  graph([4, 6, 6], ({ b, x, weight }) => {
    const map = b.activation(b.conv(x, weight([8, 4, 1, 1]), weight([8]), pointwise), { kind: "silu" });
    const pooled = b.avg_pool(map, { kernel: [6, 6], stride: [6, 6], padding: [0, 0, 0, 0] });
    const gate = b.activation(b.conv(pooled, weight([8, 8, 1, 1]), weight([8]), pointwise), { kind: "sigmoid" });
    const spread = b.resize(gate, { axes: [2, 3], size: [6, 6], mode: "nearest" });
    return { y: b.conv(b.mul(map, spread), weight([6, 8, 1, 1]), undefined, pointwise) };
  });

/** A block over tokens: what runs between its products stays in float. */
const tokens = (): Graph =>
  graph([5, 16], ({ b, x, weight }) => {
    const normed = b.layer_norm(x, undefined, undefined, { eps: 1e-6 });
    const hidden = b.activation(b.linear(normed, weight([32, 16]), weight([32])), { kind: "gelu" });
    return { y: b.add(x, b.linear(hidden, weight([16, 32]), weight([16]))) };
  });

const perceptron = (): Graph =>
  graph([3, 3, 16], ({ b, x, weight }) => {
    const pixels = b.transpose(b.layer_norm(x, undefined, undefined, { eps: 1e-6 }), { perm: [0, 3, 1, 2] });
    const inner = b.activation(b.conv(pixels, weight([32, 16, 1, 1]), weight([32]), pointwise), { kind: "gelu" });
    return { y: b.transpose(b.conv(inner, weight([16, 32, 1, 1]), undefined, pointwise), { perm: [0, 2, 3, 1] }) };
  });

const networks: Readonly<Record<string, () => Graph>> = {
  ...Object.fromEntries(
    (["relu", "relu6", "hard_swish", "silu", "leaky_relu", "sigmoid", "hard_sigmoid"] as const).map((kind) => [
      `a residual block of ${kind}`,
      () => residual(kind),
    ]),
  ),
  "a gated map": gated,
  tokens: tokens,
  "a perceptron over pixels": perceptron,
};

describe.each(Object.entries(networks))("%s", (_, network) => {
  it("keeps the function to a few percent, and every output's name, type and order", () => {
    const g = network();
    const types = g.outputs.map(({ name, value }) => [name, value.type]);
    const before = interpret(g, environment);
    quantized(g);
    expect(g.outputs.map(({ name, value }) => [name, value.type])).toEqual(types);
    const after = interpret(g, environment);
    for (const [name, expected] of before) {
      const lost = errorOf(after.get(name), expected);
      expect(lost, name).toBeLessThan(0.06);
      expect(lost, name).toBeGreaterThan(0);
    }
  });

  it("is under ONNX Runtime what the interpreter says, but for numbers between two steps", async () => {
    const g = network();
    quantized(g);
    const expected = interpret(g, environment);
    const fed = (name: string, shape: readonly number[]): NdArray =>
      numbers(name, { dtype: "f32", shape } satisfies StaticType);
    const [results] = await emitAndRun(g, fed, [{ N: 2 }], 21);
    for (const [name, of] of expected) expect(errorOf(results?.get(name), of), name).toBeLessThan(0.02);
  });
});

describe("what runs", () => {
  it("is integers from the input to the last product, without rectifiers", () => {
    const ops = quantized(residual("relu"));
    expect(ops.filter((op) => op === "activation")).toEqual([]);
    expect(ops.filter((op) => op === "quantize")).toHaveLength(5);
    expect(ops.at(-1)).toBe("linear");
  });

  it("is a gate of one pixel, which the product spreads", () => {
    expect(quantized(gated())).not.toContain("resize");
  });

  it("is linear maps of all rows, which give floats to what has no form of integers", () => {
    const ops = quantized(perceptron());
    expect(ops.filter((op) => ["conv", "transpose"].includes(op))).toEqual([]);
    expect(ops.filter((op) => op === "linear" || op === "quantize")).toEqual([
      "quantize",
      "linear",
      "quantize",
      "linear",
    ]);
  });

  it("is float where the calibration says so", () => {
    const g = residual("relu");
    const convs = [...g.values()].flatMap((v) => (v.op === "conv" ? [v.name] : []));
    const ops = quantized(g, convs);
    // The pools before the classifier have integers.
    expect(ops.filter((op) => op === "quantize")).toHaveLength(2);
    expect(ops).toContain("activation");
  });
});

describe("weights", () => {
  /** One channel of tiny weights under a bias far larger, and one of zeros. */
  it("of channels that are all but zero keep their biases", () => {
    const g = graph([2, 3, 3], ({ b, x }) => {
      const kernel = b.constant({ values: [1e-9, 1e-9, 0, 0, 1, -1], shape: [3, 2, 1, 1] });
      return { y: b.conv(x, kernel, b.constant({ values: [0.5, -0.25, 0], shape: [3] }), pointwise) };
    });
    const before = interpret(g, environment).get("y");
    quantized(g);
    expect(errorOf(interpret(g, environment).get("y"), before)).toBeLessThan(0.01);
  });
});

describe("refusals", () => {
  it("of a calibration of another graph", () => {
    const calibration = observed(residual("silu"));
    const g = residual("relu");
    expect(refusal(() => runPipeline(g, precisionPasses("int8", calibration, standard)))).toContain(
      "the calibration is of another graph",
    );
  });

  it("of a calibration that was edited, by the name of what is missing or too many", () => {
    const whole = observed(residual("silu"));
    const answer = (change: Partial<Calibration>, precision: "int8" | "fp16" = "int8"): string =>
      refusal(() =>
        runPipeline(residual("silu"), precisionPasses(precision, { ...whole, ...change }, standard), [verifying]),
      );
    expect(answer({})).toBe("accepted");
    for (const name of Object.keys(whole.ranges)) {
      const { [name]: _, ...ranges } = whole.ranges;
      for (const precision of ["int8", "fp16"] as const)
        expect(answer({ ranges }, precision)).toContain(`edited: it has no range of %${name}`);
    }
    const [range = { min: 0, max: 0, low: 0, high: 0 }] = Object.values(whole.ranges);
    expect(answer({ ranges: { ...whole.ranges, more: range } })).toContain('it has a range of "more"');
    expect(answer({ float: ["more"] })).toContain('it leaves "more" in float');
  });

  it("of eight bits by a calibration for halves, not of halves by one for eight bits", () => {
    const g = residual("silu");
    const calibration = observed(g);
    const made = (precision: "fp16" | "int8") => () =>
      void precisionPasses(precision, { ...calibration, precision: "fp16" }, standard);
    expect(refusal(made("int8"))).toContain("made for fp16");
    expect(made("fp16")).not.toThrow();
    expect(() => runPipeline(g, precisionPasses("fp16", calibration, standard), [verifying])).not.toThrow();
  });

  it("of dynamic eight bits where nothing would change", () => {
    const passes = precisionPasses("int8-dynamic", undefined, standard);
    expect(refusal(() => runPipeline(residual("relu"), passes))).toContain("nothing of this network runs faster");
  });

  it.each([
    ["needs the ranges of the network's numbers", () => precisionPasses("int8", undefined, standard)],
    ["takes the standard's operators", () => precisionPasses("int8", observed(tokens()), { opset: 17, ops: "ort" })],
    ["ONNX operator set 20 has none", () => precisionPasses("int4-weights", undefined, { opset: 20, ops: "standard" })],
  ] as const)("%s", (why, body) => expect(refusal(() => void body())).toContain(why));
});
