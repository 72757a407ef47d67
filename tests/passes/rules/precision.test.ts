import { describe, expect, it } from "vitest";
import type { Builder } from "../../../src/ir/builder.ts";
import { symbol } from "../../../src/ir/dim.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import { interpret } from "../../../src/ir/interpret.ts";
import { type Value, is } from "../../../src/ir/value.ts";
import { runPipeline } from "../../../src/passes/pass.ts";
import { passOf } from "../../../src/passes/rewriting.ts";
import type { Rule } from "../../../src/passes/rule.ts";
import { dynamicProduct } from "../../../src/passes/rules/dynamic-product.ts";
import { keptWeight } from "../../../src/passes/rules/kept-weight.ts";
import { pixelsAsRows } from "../../../src/passes/rules/pixels-as-rows.ts";
import { quantizePastRectifier } from "../../../src/passes/rules/quantize-past-rectifier.ts";
import { verifying } from "../../../src/passes/verifying.ts";
import { applied, body, environment, graphOf, reason } from "./harness.ts";

interface Parts {
  readonly b: Builder;
  readonly input: (shape: readonly number[]) => Value;
  readonly weight: (shape: readonly number[]) => Value;
}

const graph = (build: (parts: Parts) => Value): Graph =>
  graphOf((on) => ({
    y: build({
      b: on("m"),
      input: (shape) => on("x").input({ shape: [symbol("N"), ...shape] }),
      weight: (shape) => on(`w${shape.join()}`).param({ key: `w${shape.join()}`, shape }),
    }),
  }));

describe("quantize-past-rectifier", () => {
  const law = passOf(quantizePastRectifier);
  const steps = (b: Builder, size: number, zero: number, dtype: "u8" | "i8" = "u8") =>
    [b.constant({ values: [size] }), b.constant({ values: [zero], dtype })] as const;

  it.each([
    [
      "relu",
      graph(({ b, input }) =>
        b.quantize(b.activation(input([40]), { kind: "relu" }), ...steps(b, 0.003, 0), { to: "u8" }),
      ),
    ],
    [
      "relu without a zero point, of a scale that is no constant",
      graph(({ b, input, weight }) =>
        b.quantize(b.activation(input([40]), { kind: "relu" }), b.abs(weight([])), undefined, { to: "u8" }),
      ),
    ],
    [
      "relu6 in steps that end below 6",
      graph(({ b, input }) => {
        const wide = b.mul(input([40]), b.constant({ values: [9] }));
        return b.quantize(b.activation(wide, { kind: "relu6" }), ...steps(b, 6 / 255, 0), { to: "u8" });
      }),
    ],
  ])("%s goes away", (_, g) => {
    expect(applied(g, law)).toEqual({ "quantize-past-rectifier": 1 });
    expect(body(g)).not.toContain("activation");
  });

  it.each([
    [
      "the zero point is not known to be 0",
      graph(({ b, input }) =>
        b.quantize(b.activation(input([4]), { kind: "relu" }), ...steps(b, 0.01, 3), { to: "u8" }),
      ),
    ],
    [
      "i8 has integers below 0",
      graph(({ b, input }) =>
        b.quantize(b.activation(input([4]), { kind: "relu" }), ...steps(b, 0.01, 0, "i8"), { to: "i8" }),
      ),
    ],
    [
      "255 steps go beyond 6",
      graph(({ b, input }) =>
        b.quantize(b.activation(input([4]), { kind: "relu6" }), ...steps(b, 0.024, 0), { to: "u8" }),
      ),
    ],
    [
      "the scale is no constant",
      graph(({ b, input, weight }) =>
        b.quantize(b.activation(input([4]), { kind: "relu6" }), b.abs(weight([])), undefined, { to: "u8" }),
      ),
    ],
    [
      "silu is no rectifier",
      graph(({ b, input }) =>
        b.quantize(b.activation(input([4]), { kind: "silu" }), ...steps(b, 0.01, 0), { to: "u8" }),
      ),
    ],
  ])("stays away: %s", (why, g) => {
    expect(reason(quantizePastRectifier, g)).toBe(why);
    expect(applied(g, law)).toEqual({ "quantize-past-rectifier": 0 });
  });
});

const pointwise = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] };

/** A perceptron over pixels [N, 3, 2, 4] as convolutions. */
const perceptron = (
  { b, input, weight }: Parts,
  {
    kind = "gelu",
    perm = [0, 3, 1, 2],
    window = 1,
    groups = 1,
  }: { kind?: "gelu" | "relu"; perm?: readonly number[]; window?: number; groups?: number },
): Value => {
  const pixels = b.transpose(input([3, 2, 4]), { perm });
  const channels = perm[1] === 3 ? 4 : 3;
  const inner = b.conv(pixels, weight([6, channels / groups, 1, 1]), weight([6]), { ...pointwise, groups });
  const padding = window === 3 ? [1, 1, 1, 1] : [0, 0, 0, 0];
  return b.conv(b.activation(inner, { kind }), weight([5, 6, window, window]), undefined, { ...pointwise, padding });
};

describe("pixels-as-rows", () => {
  const rule = pixelsAsRows((kind) => kind === "relu");

  it("makes two linear maps of rows", () => {
    const g = graph((parts) => perceptron(parts, {}));
    expect(applied(g, passOf(rule))).toEqual({ "pixels-as-rows": 1 });
    expect(body(g)).toEqual(["input", "linear", "activation", "linear", "transpose"]);
  });

  it.each([
    ["relu has a form of integers", graph((parts) => perceptron(parts, { kind: "relu" }))],
    ["[0,1,3,2] does not bring the channels to the front", graph((parts) => perceptron(parts, { perm: [0, 1, 3, 2] }))],
    ["a window is larger than a pixel", graph((parts) => perceptron(parts, { window: 3 }))],
    ["a window is larger than a pixel", graph((parts) => perceptron(parts, { groups: 2 }))],
  ])("stays away: %s", (why, g) => {
    expect(reason(rule, g)).toBe(why);
    expect(applied(g, passOf(rule))).toEqual({ "pixels-as-rows": 0 });
  });
});

/** The largest difference that a rule makes to an output, as a fraction of its largest number. */
function change(g: Graph, rule: Rule): number {
  const before = interpret(g, environment).get("y")?.data ?? [];
  const [run] = runPipeline(g, [passOf(rule)], [verifying]);
  expect(run?.counts).toEqual({ [rule.name]: 1 });
  const after = interpret(g, environment).get("y")?.data ?? [];
  let [largest, difference] = [0, 0];
  for (let i = 0; i < before.length; i++) {
    largest = Math.max(largest, Math.abs(Number(before[i])));
    difference = Math.max(difference, Math.abs(Number(before[i]) - Number(after[i])));
  }
  return difference / largest;
}

describe("dynamic-product", () => {
  it("is a product of integers that loses less than a percent", () => {
    const g = graph(({ b, input, weight }) => b.linear(input([3, 128]), weight([128, 128]), weight([128])));
    const lost = change(g, dynamicProduct);
    expect(lost).toBeLessThan(0.01);
    expect(lost).toBeGreaterThan(1e-5);
    expect(body(g)).toEqual(["input", "dynamic_matmul", "add"]);
  });

  it.each([
    [
      "the weight has fewer than 16384 numbers",
      graph(({ b, input, weight }) => b.linear(input([3, 16]), weight([16, 16]), undefined)),
    ],
    [
      "kernel is no weight: it is known only when the model runs",
      graph(({ b, input }) =>
        b.linear(input([4]), b.reshape(b.slice(input([4]), { axis: 0, range: [0, 1] }), { shape: [1, 4] }), undefined),
      ),
    ],
  ])("stays away: %s", (why, g) => expect(reason(dynamicProduct, g)).toBe(why));
});

describe("kept-weight", () => {
  it.each([
    [
      "eight bits of rows",
      8,
      ["input", "matmul", "add"],
      ["i8"],
      ({ b, input, weight }: Parts) => b.linear(input([3, 64]), weight([32, 64]), weight([32])),
    ],
    [
      "eight bits of a matrix",
      8,
      ["input", "linear"],
      ["i8"],
      ({ b, input, weight }: Parts) => b.linear(input([64]), weight([32, 64]), weight([32])),
    ],
    [
      "eight bits of a convolution",
      8,
      ["input", "conv"],
      ["i8"],
      ({ b, input, weight }: Parts) => b.conv(input([16, 5, 5]), weight([8, 16, 3, 3]), weight([8]), pointwise),
    ],
    [
      "four bits of rows, the last block half full",
      4,
      ["input", "matmul", "add", "neg"],
      ["i4"],
      ({ b, input, weight }: Parts) => b.neg(b.linear(input([3, 48]), weight([32, 48]), weight([32]))),
    ],
    [
      "four bits of a convolution",
      4,
      ["input", "conv", "neg"],
      ["i4"],
      ({ b, input, weight }: Parts) => b.neg(b.conv(input([32, 5, 5]), weight([8, 32, 3, 3]), weight([8]), pointwise)),
    ],
    [
      "but eight of the last layer",
      4,
      ["input", "linear"],
      ["i8"],
      ({ b, input, weight }: Parts) => b.linear(input([64]), weight([32, 64]), weight([32])),
    ],
    [
      "and eight of few channels",
      4,
      ["input", "conv", "neg"],
      ["i8"],
      ({ b, input, weight }: Parts) => b.neg(b.conv(input([3, 9, 9]), weight([16, 3, 7, 7]), weight([16]), pointwise)),
    ],
  ] as const)("%s", (_, bits, ops, dtypes, build) => {
    const g = graph(build);
    const lost = change(g, keptWeight(bits));
    expect(lost).toBeLessThan(dtypes.some((d) => d === "i4") ? 0.15 : 0.015);
    expect(lost).toBeGreaterThan(0);
    expect(body(g)).toEqual(ops);
    expect([...g.values()].flatMap((v) => (is(v, "quantize") ? [v.attrs.to] : []))).toEqual(dtypes);
  });

  it.each([
    [
      "the weight has fewer than 1024 numbers",
      graph(({ b, input, weight }) => b.linear(input([4]), weight([4, 4]), undefined)),
    ],
    [
      "the weight is kept as integers already",
      (() => {
        const g = graph(({ b, input, weight }) => b.linear(input([64]), weight([32, 64]), undefined));
        runPipeline(g, [passOf(keptWeight(8))]);
        return g;
      })(),
    ],
  ])("stays away: %s", (why, g) => expect(reason(keptWeight(8), g)).toBe(why));
});
