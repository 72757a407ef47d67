import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { symbol } from "../../../src/ir/dim.ts";
import type { Builder } from "../../../src/ir/builder.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Value } from "../../../src/ir/value.ts";
import { gates } from "../../../src/passes/presets.ts";
import { passOf } from "../../../src/passes/rewriting.ts";
import { factorGate } from "../../../src/passes/rules/factor-gate.ts";
import { foldInputShift } from "../../../src/passes/rules/fold-input-shift.ts";
import { scaleGate } from "../../../src/passes/rules/scale-gate.ts";
import { applied, body, graphOf, reason } from "./harness.ts";

interface Parts {
  readonly b: Builder;
  /** [N, 2, 3, 4] */
  readonly x: Value;
  readonly weight: (shape: readonly number[]) => Value;
  readonly input: (shape: readonly number[]) => Value;
}

const graph = (build: (parts: Parts) => Value | Readonly<Record<string, Value>>): Graph =>
  graphOf((on) => {
    const made = build({
      b: on("m"),
      x: on("x").input({ shape: [symbol("N"), 2, 3, 4] }),
      weight: (shape) => on(`w${shape.join()}`).param({ key: `w${shape.join()}`, shape }),
      input: (shape) => on("gate").input({ shape }),
    });
    return "op" in made ? { y: made as Value } : made;
  });

const twoUses = "has 2 uses, and each needs its own result";

describe("scale-gate", () => {
  const law = passOf(scaleGate);

  it.each([
    ["scales the smaller factor", graph(({ b, x, weight, input }) => b.mul(weight([4]), b.mul(x, input([1, 1, 4]))))],
    ["on either side", graph(({ b, x, weight, input }) => b.mul(b.mul(input([2, 1, 1]), x), weight([1])))],
    [
      "is exact where the scale has axes of its own",
      graph(({ b, x, weight, input }) => b.mul(b.mul(input([4]), x), weight([2, 1, 1]))),
    ],
  ])("%s", (_, g) => {
    expect(applied(g, law)).toEqual({ "scale-gate": 1 });
    const [inner, outer] = [...g.values()].filter((v) => v.op === "mul" && !v.isWeight);
    expect(inner?.type.shape.length).toBeLessThan(outer?.type.shape.length ?? 0);
  });

  it.each([
    [
      "both factors become as large as their product",
      graph(({ b, x, weight }) => b.mul(weight([4]), b.mul(x, b.abs(x)))),
    ],
    [
      "the factor that would stay outside is a weight",
      graph(({ b, weight, input }) => b.mul(b.mul(input([1, 1]), weight([3, 1])), weight([1, 4]))),
    ],
    [
      "the factor that would stay outside is a weight",
      graph(({ b, weight, input }) => b.mul(b.mul(input([]), weight([1, 3, 1])), weight([4]))),
    ],
    [
      `mul ${twoUses}`,
      graph(({ b, x, weight, input }) => {
        const product = b.mul(x, input([4]));
        return { y: b.mul(weight([4]), product), tap: product };
      }),
    ],
  ])("stays away: %s", (why, g) => {
    expect(reason(scaleGate, g)).toBe(why);
    expect(applied(g, law)).toEqual({ "scale-gate": 0 });
  });
});

describe("factor-gate", () => {
  const law = passOf(factorGate);

  it("makes one product and one sum", () => {
    const g = graph(({ b, x, weight, input }) => b.add(x, b.add(weight([4]), b.mul(x, input([1, 1, 4])))));
    expect(applied(g, law)).toEqual({ "factor-gate": 1 });
    expect(body(g)).toEqual(["input", "input", "add", "mul", "add"]);
  });

  it.each([
    ["the gate is as large as the map", graph(({ b, x, weight }) => b.add(x, b.add(weight([4]), b.mul(x, b.abs(x)))))],
    [
      "the shift is larger than the map",
      graph(({ b, x, weight, input }) => b.add(x, b.add(weight([2, 1, 1, 1, 1]), b.mul(x, input([4]))))),
    ],
    [
      "x stands for two different values",
      graph(({ b, x, weight, input }) => b.add(b.abs(x), b.add(weight([4]), b.mul(x, input([4]))))),
    ],
    [
      `mul ${twoUses}`,
      graph(({ b, x, weight, input }) => {
        const product = b.mul(x, input([4]));
        return { tap: product, y: b.add(x, b.add(weight([4]), product)) };
      }),
    ],
  ])("stays away: %s", (why, g) => {
    expect(reason(factorGate, g)).toBe(why);
    expect(applied(g, law)).toEqual({ "factor-gate": 0 });
  });
});

describe("fold-input-shift into a linear map", () => {
  const law = passOf(foldInputShift);

  it.each([
    [
      "a vector, into a bias",
      graph(({ b, x, weight }) => b.linear(b.add(x, weight([4])), weight([6, 4]), weight([6]))),
    ],
    [
      "a vector, without a bias",
      graph(({ b, x, weight }) => b.linear(b.add(weight([1, 1, 4]), x), weight([6, 4]), undefined)),
    ],
    ["one number", graph(({ b, x, weight }) => b.linear(b.add(x, weight([])), weight([6, 4]), weight([6])))],
    ["a difference", graph(({ b, x, weight }) => b.linear(b.sub(x, weight([4])), weight([6, 4]), weight([6])))],
  ])("moves %s", (_, g) => {
    expect(applied(g, law)).toEqual({ "fold-input-shift": 1 });
    expect(body(g)).toEqual(["input", "linear"]);
  });

  it.each([
    [
      "f32[3,1] varies along axis 2, which is not the channels'",
      graph(({ b, x, weight }) => b.linear(b.add(x, weight([3, 1])), weight([6, 4]), undefined)),
    ],
    [
      "f32[4] makes f32[N,2,3,1] larger",
      graph(({ b, x, weight }) =>
        b.linear(b.add(b.slice(x, { axis: 3, range: [0, 1] }), weight([4])), weight([6, 4]), undefined),
      ),
    ],
    [
      "shift is no weight: it is known only when the model runs",
      graph(({ b, x, weight, input }) => b.linear(b.add(x, input([4])), weight([6, 4]), undefined)),
    ],
    [
      `add ${twoUses}`,
      graph(({ b, x, weight }) => {
        const tap = b.add(x, weight([4]));
        return { tap, y: b.linear(tap, weight([6, 4]), undefined) };
      }),
    ],
  ])("stays away: %s", (why, g) => {
    expect(reason(foldInputShift, g)).toBe(why);
    expect(applied(g, law)).toEqual({ "fold-input-shift": 0 });
  });
});

/** Products of a few inputs and weights, in any order, whose shapes broadcast; some are summed as a gate is. */
const shapes = [[], [4], [3, 1], [1, 4], [3, 4], [2, 1, 1], [1, 3, 1], [2, 3, 4]] as const;
const factor = fc.record({ shape: fc.constantFrom(...shapes), runs: fc.boolean(), left: fc.boolean() });
const form = fc.array(fc.record({ factor, sums: fc.nat(5).map((n) => n === 0) }), {
  minLength: 2,
  maxLength: 7,
});

it("comes to an end on every small product of weights and maps", () => {
  let fired = 0;
  fc.assert(
    fc.property(factor, form, (first, steps) => {
      const g = graphOf((on) => {
        const leaf = ({ shape, runs }: typeof first, i: number): Value =>
          runs ? on(`x${i}`).input({ shape }) : on(`w${i}`).param({ key: `w${i}`, shape });
        const b = on("m");
        const product = steps.reduce(
          (y, { factor: f, sums }, i) => {
            const other = leaf(f, i + 1);
            return b[sums ? "add" : "mul"](f.left ? other : y, f.left ? y : other);
          },
          leaf(first, 0),
        );
        return { product };
      });
      fired += Object.values(applied(g, gates)).reduce((a, n) => a + n, 0);
      expect(Object.values(applied(g, gates))).toEqual([0, 0, 0]);
    }),
    { numRuns: 300, seed: 20_260_101 },
  );
  expect(fired).toBeGreaterThan(0);
});

it.each(["linear", "conv"] as const)("one pass is left of convnextv2's response norm before a %s", (kind) => {
  const g = graph(({ b, x, weight, input }) => {
    const shape = kind === "conv" ? [2, 1, 1] : [4];
    const gate = input([1, ...(kind === "conv" ? shape : [1, 1, 4])]);
    const response = b.add(weight(shape), b.mul(weight(shape), b.mul(x, gate)));
    const sum = b.add(x, response);
    if (kind === "linear") return b.linear(sum, weight([6, 4]), weight([6]));
    const pointwise = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] };
    return b.conv(sum, weight([6, 2, 1, 1]), weight([6]), pointwise);
  });
  expect(applied(g, gates)).toEqual({ "scale-gate": 1, "factor-gate": 1, "fold-input-shift": 1 });
  expect(body(g)).toEqual(["input", "input", "mul", "add", "mul", kind]);
});
