import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mulDim, subDim } from "../../../src/ir/dim.ts";
import type { Value } from "../../../src/ir/value.ts";
import { extent } from "../../../src/zoo/layers/extent.ts";
import { fourierPositions } from "../../../src/zoo/layers/fourier-positions.ts";
import { quadrants } from "../../../src/zoo/layers/patch-merging.ts";
import {
  type Size,
  cropMap,
  mapSize,
  padToWindows,
  rollMap,
  shiftedWindowMask,
  windowGrid,
  windowPartition,
  windowReverse,
} from "../../../src/zoo/layers/window.ts";
import type { Module, Scope } from "../../../src/zoo/scope.ts";
import { noise, runModule } from "../run-module.ts";

type Pair = readonly [number, number];
const pairs = (min: number, max: number): fc.Arbitrary<Pair> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

const channelsLast = (s: Scope, x: Value): Value => s.transpose(x, { perm: [0, 2, 3, 1] });

/** What Swin does around attention, with the mask in place of it. */
const shiftedAndMasked =
  (window: Pair, shift: Pair): Module =>
  (s, x) => {
    const map = channelsLast(s, x);
    const padded = padToWindows(s, rollMap(s, map, [-shift[0], -shift[1]]), window);
    const size = mapSize(padded);
    const [n = 1] = x.type.shape;
    const tokens = window[0] * window[1];
    const count = mulDim(...windowGrid(size, window));
    const sums = s.reduce_sum(shiftedWindowMask(s, size, window, shift), { axes: [1, 3] });
    const windows = s.reshape(windowPartition(s, padded, window), { shape: [n, count, tokens, 2] });
    const marked = s.add(windows, s.reshape(sums, { shape: [1, count, tokens, 1] }));
    const joined = s.reshape(marked, { shape: [mulDim(n, count), tokens, 2] });
    const back = rollMap(s, cropMap(s, windowReverse(s, joined, window, padded), mapSize(map)), shift);
    return quadrants(s, back);
  };

/** A module over a map [N, 2, H, W] whose height and width are symbols against the same over numbers. */
function expectSame(module: Module, size: Pair, digits = 12): void {
  const x = noise([2, 2, ...size]);
  const [open, fixed] = [runModule(module, x, {}, true), runModule(module, x)];
  expect(open.shape).toEqual(fixed.shape);
  for (const [i, value] of open.data.entries()) expect(value).toBeCloseTo(Number(fixed.data[i]), digits);
}

describe("over symbolic heights and widths", () => {
  it("windows, shifts and masks are those of the size", () => {
    const window = pairs(2, 4).chain((of) =>
      fc
        .tuple(fc.integer({ min: 0, max: of[0] - 1 }), fc.integer({ min: 0, max: of[1] - 1 }))
        .filter(([down, right]) => down + right > 0)
        .map((shift) => ({ window: of, shift })),
    );
    fc.assert(
      fc.property(pairs(1, 9), window, (size, { window: of, shift }) => expectSame(shiftedAndMasked(of, shift), size)),
      { numRuns: 40 },
    );
  });

  it("a window of symbolic size is the whole map", () => {
    const whole: Module = (s, x) => {
      const map = channelsLast(s, x);
      const size = mapSize(map);
      expect(windowGrid(size, size)).toEqual([1, 1]);
      return windowPartition(s, padToWindows(s, map, size), size);
    };
    expectSame(whole, [3, 5]);
  });

  it("extents are numbers, also those less than what depends on a symbol", () => {
    const sides: Module = (s, x) => {
      const [h, w]: Size = mapSize(channelsLast(s, x));
      const sums = [extent(s, mulDim(h, w)), extent(s, subDim(h, 4)), extent(s, w)];
      return s.concat(
        sums.map((v) => s.reshape(s.cast(v, { to: "f32" }), { shape: [1] })),
        { axis: 0 },
      );
    };
    expect([...runModule(sides, noise([1, 2, 3, 5]), {}, true).data]).toEqual([15, -1, 5]);
  });

  it("Fourier positions are those of the size", () => {
    const placed: Module = (s, x) => fourierPositions(s, [x.type.shape[2] ?? 1, x.type.shape[3] ?? 1], 4);
    fc.assert(
      fc.property(pairs(1, 6), (size) => expectSame(placed, size, 6)),
      { numRuns: 10 },
    );
  });
});
