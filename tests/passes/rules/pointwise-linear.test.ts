import { describe, expect, it } from "vitest";
import type { Builder } from "../../../src/ir/builder.ts";
import { type Dim, scaleDim, symbol } from "../../../src/ir/dim.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Attrs, Value } from "../../../src/ir/value.ts";
import { layoutRules } from "../../../src/passes/presets.ts";
import { passOf, rewriting } from "../../../src/passes/rewriting.ts";
import { pointwiseLinear } from "../../../src/passes/rules/pointwise-linear.ts";
import { applied, body, graphOf, reason } from "./harness.ts";

interface Parts {
  readonly lead?: readonly Dim[];
  readonly widths?: readonly [number, number, number];
  readonly bias?: boolean;
  readonly kind?: Attrs<"activation">["kind"];
  readonly around?: (b: Builder, y: Value, hidden: Value) => Readonly<Record<string, Value>>;
}

const perceptron = (parts: Parts): Graph =>
  graphOf((on) => {
    const { lead = [symbol("N"), 5], widths = [16, 32, 16], bias = true, kind = "gelu" } = parts;
    const [i, h, o] = widths;
    const param = (key: string, shape: readonly number[]): Value => on(key).param({ key, shape });
    const x = on("x").input({ shape: [...lead, i] });
    const fc1 = on("fc1").linear(x, param("w1", [h, i]), bias ? param("b1", [h]) : undefined);
    const act = on("act").activation(fc1, { kind });
    const fc2 = on("fc2").linear(act, param("w2", [o, h]), bias ? param("b2", [o]) : undefined);
    return parts.around?.(on("tail"), fc2, act) ?? { y: fc2 };
  });

const N = symbol("N");
const core = ["transpose", "conv", "activation", "conv", "transpose"];

const fires: readonly [name: string, parts: Parts, ops: readonly string[]][] = [
  ["tokens", {}, ["reshape", ...core, "reshape"]],
  ["pixels", { lead: [N, 2, 3] }, core],
  [
    "windows with the batch",
    { lead: [scaleDim(N, 2), 4], widths: [16, 48, 32], kind: "silu" },
    ["reshape", ...core, "reshape"],
  ],
  ["maps without biases", { bias: false, kind: "quick_gelu" }, ["reshape", ...core, "reshape"]],
];

const nearMisses: readonly [why: string, parts: Parts][] = [
  ["mish leaves the blocked layout, which pays from a width of 768 on", { kind: "mish" }],
  ["a width of 40 does not fill blocks of 16 channels", { widths: [16, 40, 16] }],
  ["a width of 10 does not fill blocks of 16 channels", { widths: [16, 32, 10] }],
  ["rank 2: only tokens [N, T, C] and pixels [N, H, W, C] have an image's layout", { lead: [N] }],
  ["rank 5: only tokens [N, T, C] and pixels [N, H, W, C] have an image's layout", { lead: [N, 2, 1, 2] }],
  ["activation has 2 uses, and each needs its own result", { around: (_, y, hidden) => ({ y, hidden }) }],
];

it("an activation that leaves the layout pays where all widths are large", () => {
  const why = "gelu_tanh leaves the blocked layout, which pays from a width of 768 on";
  const answer = (widths: Parts["widths"] & {}): string =>
    reason(pointwiseLinear, perceptron({ widths, kind: "gelu_tanh" }));
  expect(answer([768, 3072, 768])).toBe("it fires");
  expect([answer([752, 3072, 752]), answer([768, 3072, 752]), answer([1024, 512, 1024])]).toEqual([why, why, why]);
});

describe("pointwise-linear", () => {
  it.each(fires)("fires on %s", (_, parts, ops) => {
    const graph = perceptron(parts);
    expect(applied(graph, passOf(pointwiseLinear))).toEqual({ "pointwise-linear": 1 });
    expect(body(graph)).toEqual(["input", ...ops]);
  });

  it.each(nearMisses)("%s", (why, parts) => {
    const graph = perceptron(parts);
    expect(reason(pointwiseLinear, graph)).toBe(why);
    expect(applied(graph, passOf(pointwiseLinear))).toEqual({ "pointwise-linear": 0 });
  });

  it("a block that permutes around its perceptron ends with a convolution", () => {
    const around: Parts["around"] = (b, y) => ({ y: b.abs(b.transpose(y, { perm: [0, 3, 1, 2] })) });
    const graph = perceptron({ lead: [N, 2, 3], around });
    applied(graph, rewriting("blocked", [pointwiseLinear, ...layoutRules]));
    expect(body(graph)).toEqual(["input", "transpose", "conv", "activation", "conv", "abs"]);
  });
});
