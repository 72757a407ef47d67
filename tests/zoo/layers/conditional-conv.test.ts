import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type NdArray, at } from "../../../src/ir/ndarray.ts";
import { condConv2d } from "../../../src/zoo/layers/cond-conv.ts";
import { conv2d } from "../../../src/zoo/layers/conv.ts";
import { mixedConv2d } from "../../../src/zoo/layers/mixed-conv.ts";
import { closeTo, filled, noise, runModule } from "../run-module.ts";

const weights = (shape: readonly number[], seed: number): NdArray => filled(shape, (i) => Math.sin(5.1 * i + seed));

/** One image of a batch, as a batch of one. */
const image = (x: NdArray, n: number): NdArray => {
  const shape = x.shape.with(0, 1);
  const size = x.data.length / (x.shape[0] ?? 1);
  return filled(shape, (i) => at(x, n * size + i));
};

describe("a conditional convolution", () => {
  const shapes = fc.record({
    kernel: fc.constantFrom(1, 3),
    stride: fc.constantFrom(1, 2),
    groups: fc.constantFrom(1, 2, 4),
    experts: fc.integer({ min: 1, max: 3 }),
    padding: fc.constantFrom("same" as const, undefined),
  });

  it("is, image by image, a convolution with the routed sum of the experts' kernels", () => {
    fc.assert(
      fc.property(shapes, ({ experts, ...options }) => {
        const out = 8;
        const perOut = (4 / options.groups) * options.kernel ** 2;
        const x = noise([2, 4, 5, 6]);
        // The routing of an expert is the mean of the channel of its number.
        const routing = (n: number, e: number): number =>
          Array.from({ length: 30 }, (_, i) => at(x, (n * 4 + e) * 30 + i)).reduce((a, b) => a + b, 0) / 30;
        const bank = weights([experts, out * perOut], 1);
        const got = runModule(
          (s, y) => {
            const means = s.reduce_mean(y, { axes: [2, 3] });
            return condConv2d(out, { ...options, routing: s.slice(means, { axis: 1, range: [0, experts] }) })(s, y);
          },
          x,
          { weight: bank },
        );
        const wanted = [0, 1].flatMap((n) => {
          const sum = (i: number): number =>
            Array.from({ length: experts }, (_, e) => routing(n, e) * at(bank, e * out * perOut + i)).reduce(
              (a, b) => a + b,
              0,
            );
          const weight = filled([out, 4 / options.groups, options.kernel, options.kernel], sum);
          return [...runModule(conv2d(out, options), image(x, n), { weight }).data];
        });
        return closeTo(got, wanted, 1e-10);
      }),
    );
  });
});

describe("a mixed convolution", () => {
  it("convolves the first parts, with the remainder, by the first kernel, and so on", () => {
    const x = noise([1, 7, 6, 6]);
    const params = {
      "0.weight": weights([3, 1, 3, 3], 1),
      "1.weight": weights([2, 1, 5, 5], 2),
      "2.weight": weights([2, 1, 7, 7], 3),
    };
    const got = runModule(mixedConv2d(7, [3, 5, 7], { stride: 2, groups: 7 }), x, params);
    const part = (from: number, to: number): NdArray => filled([1, to - from, 6, 6], (i) => at(x, from * 36 + i));
    const wanted = (
      [
        [0, 3, 3],
        [3, 5, 5],
        [5, 7, 7],
      ] as const
    ).flatMap(([from, to, kernel], i) => {
      const weight = params[`${i as 0 | 1 | 2}.weight`];
      const groups = to - from;
      return [...runModule(conv2d(groups, { kernel, stride: 2, groups }), part(from, to), { weight }).data];
    });
    expect(got.shape).toEqual([1, 7, 3, 3]);
    expect(closeTo(got, wanted)).toBe(true);
  });

  it("is a plain convolution for one kernel, and neither dense nor depthwise is refused", () => {
    const x = noise([1, 4, 5, 5]);
    const weight = weights([2, 4, 3, 3], 1);
    expect([...runModule(mixedConv2d(2, 3), x, { weight }).data]).toEqual([
      ...runModule(conv2d(2, { kernel: 3 }), x, { weight }).data,
    ]);
    expect(() => runModule(mixedConv2d(4, [1, 1], { groups: 2 }), x)).toThrow("nothing in between");
  });
});
