import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { symbol } from "../../../src/ir/dim.ts";
import { Graph } from "../../../src/ir/graph.ts";
import { conv2d } from "../../../src/zoo/layers/conv.ts";
import { avgPool, maxPool } from "../../../src/zoo/layers/pool.ts";
import { type Module, newLowering, scope } from "../../../src/zoo/scope.ts";
import { refusal } from "../../ir/refusal.ts";
import { closeTo, filled, noise, runModule } from "../run-module.ts";

const extent = fc.integer({ min: 1, max: 11 });
const size = fc.tuple(extent, extent);
const kernel = filled([2, 2, 3, 3], (i) => Math.cos(i * 1.3));

/** Whether a module over a symbolic size gives what it gives over that size. */
const agrees = (module: Module, [h, w]: readonly [number, number], k = 3): boolean => {
  // Below zero, so that zeros in place of no padding would win a maximum.
  const x = noise([2, 2, h, w]);
  const low = filled(x.shape, (i) => (x.data[i] ?? 0) - 9);
  const params = { weight: filled([2, 2, k, k], (i) => kernel.data[i % 36] ?? 0) };
  const fixed = runModule(module, low, params);
  return closeTo(runModule(module, low, params, true), [...fixed.data]);
};

describe("SAME padding of a symbolic size is that of the size", () => {
  const cases = fc.record({ k: fc.integer({ min: 1, max: 5 }), stride: fc.integer({ min: 1, max: 4 }), size });

  it("of convolutions", () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 3 }), ({ k, stride, size }, dilation) => {
        fc.pre(k === 1 || dilation * (k - 1) + 1 >= stride);
        return agrees(conv2d(2, { kernel: k, stride, dilation, padding: "same" }), size, k);
      }),
    );
  });

  it("of pools: what is added never wins a maximum, and counts in a mean", () => {
    fc.assert(
      fc.property(cases, ({ k, stride, size }) => {
        fc.pre(k === 1 || k >= stride);
        return (
          agrees(maxPool(k, { stride, padding: "same" }), size) && agrees(avgPool(k, { stride, padding: "same" }), size)
        );
      }),
    );
  });

  it("is refused where a window is less than its stride", () => {
    const graph = new Graph("g");
    const x = graph.insert("input", [], { shape: [1, 2, symbol("H"), 8] }, { path: "x", rules: [] });
    const lower = conv2d(2, { kernel: 2, stride: 4, padding: "same" });
    expect(refusal(() => lower(scope(newLowering(graph), ""), x))).toContain(
      "SAME padding for a stride of 4 depends on the size",
    );
  });

  it("stays an attribute where the size is a multiple of the strides", () => {
    const graph = new Graph("g");
    const shape = [1, 2, symbol("H"), 8];
    const x = graph.insert("input", [], { shape }, { path: "x", rules: [] });
    const y = conv2d(2, { kernel: 3, padding: "same" })(scope(newLowering(graph), ""), x);
    expect([y.op, "padding" in y.attrs && y.attrs.padding]).toEqual(["conv", [1, 1, 1, 1]]);
  });
});
