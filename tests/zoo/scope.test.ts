import { describe, expect, it } from "vitest";
import { Graph } from "../../src/ir/graph.ts";
import { defineFamily } from "../../src/zoo/define-family.ts";
import { conv2d } from "../../src/zoo/layers/conv.ts";
import { type LoweredModel, lowerArchitecture } from "../../src/zoo/lower.ts";
import { type Scope, newLowering, scope } from "../../src/zoo/scope.ts";

const fresh = (): Scope => scope(newLowering(new Graph("test")), "");

describe("param", () => {
  it("gives the same value for the same question", () => {
    const s = fresh();
    expect(s.param("weight", [2, 3])).toBe(s.param("weight", [2, 3]));
  });

  it("refuses another shape, dtype or kind under one name", () => {
    const s = fresh();
    s.param("weight", [2, 3]);
    expect(() => s.param("weight", [3, 2])).toThrow(
      "the parameter weight is parameter f32[2, 3] and parameter f32[3, 2]",
    );
    expect(() => s.param("weight", [2, 3], { dtype: "i64" })).toThrow("parameter i64[2, 3]");
    expect(() => s.param("weight", [2, 3], { kind: "buffer" })).toThrow("buffer f32[2, 3]");
  });

  it("stops at a number of elements that no network has", () => {
    const s = fresh();
    s.param("large", [1e6, 1e5]);
    expect(() => s.param("larger", [1e6, 2e5])).toThrow("more than 200000000000 parameter elements");
    expect(() => s.param("infinite", [Infinity])).toThrow("parameter elements");
  });
});

describe("chain", () => {
  it("refuses names that JavaScript would reorder", () => {
    const s = fresh();
    expect(() => s.chain(s.scalar(1), { first: (_, x) => x, "0": (_, x) => x })).toThrow(
      "a chain has no order for the child named 0",
    );
  });
});

describe("prune", () => {
  const lower = (path: string): LoweredModel => {
    const family = defineFamily({
      name: "tiny",
      paper: "",
      args: {},
      variants: { tiny: {} },
      groups: () => [],
      build: (s, input) => {
        s.prune({ [path]: 3 });
        const x = s.chain(input, { conv: conv2d(4) });
        return { forwardFeatures: [x], preLogits: [x], logits: [x], stages: [], format: "NCHW" };
      },
    });
    return lowerArchitecture(family, "tiny", {}, [3, 8, 8]);
  };

  it("sets the width of a convolution, and refuses a width that none has", () => {
    expect(lower("conv").parameters[0]?.shape).toEqual([3, 3, 1, 1]);
    expect(() => lower("conv1")).toThrow("no convolution conv1 has the 3 channels left by pruning");
  });
});
