import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cropMap,
  padToWindows,
  relativePositionBias,
  relativePositionIndex,
  rollMap,
  shiftedWindowMask,
  windowPartition,
  windowReverse,
} from "../../../src/zoo/layers/window.ts";
import { filled, noise, runModule } from "../run-module.ts";

type Pair = readonly [number, number];
const pairs = (min: number, max: number): fc.Arbitrary<Pair> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));
const one = filled([1, 1], () => 0);

/** Table rows by a walk over all pairs of tokens, as the paper states them. */
function indexByWalk([wh, ww]: Pair): number[] {
  const tokens = Array.from({ length: wh * ww }, (_, t): Pair => [Math.floor(t / ww), t % ww]);
  return tokens.flatMap(([py, px]) => tokens.map(([qy, qx]) => (py - qy + wh - 1) * (2 * ww - 1) + px - qx + ww - 1));
}

/** The mask by painting regions on the map and cutting it, as timm does; -0 as a slice bound is 0, as in Python. */
function maskByPainting([h, w]: Pair, [wh, ww]: Pair, [sh, sw]: Pair): number[] {
  const bands = (extent: number, window: number, shift: number): Pair[] =>
    [
      [0, -window],
      [-window, -shift],
      [-shift, extent],
    ].map(([from = 0, to = 0]): Pair => {
      const bound = (v: number): number => (v < 0 ? Math.max(0, v + extent) : v + 0);
      return [bound(from), bound(to)];
    });
  const paint = new Map<number, number>();
  let region = 0;
  for (const [top, bottom] of bands(h, wh, sh))
    for (const [left, right] of bands(w, ww, sw)) {
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) paint.set(y * w + x, region);
      region++;
    }
  const out: number[] = [];
  for (let row = 0; row < h; row += wh)
    for (let column = 0; column < w; column += ww) {
      const at = (t: number): number | undefined => paint.get((row + Math.floor(t / ww)) * w + column + (t % ww));
      for (let p = 0; p < wh * ww; p++) for (let q = 0; q < wh * ww; q++) out.push(at(p) === at(q) ? 0 : -100);
    }
  return out;
}

describe("windows", () => {
  it("relative positions agree with a walk over pairs", () => {
    fc.assert(
      fc.property(pairs(1, 5), (window) => {
        const index = runModule((s) => relativePositionIndex(s, window), one);
        expect([...index.data]).toEqual(indexByWalk(window));
      }),
    );
  });

  it("the bias of a pair is the table's row for its relative position, head by head", () => {
    const window: Pair = [2, 3];
    const table = filled([15, 2], (i) => i);
    const bias = runModule((s) => relativePositionBias(s, s.param("table", [15, 2]), window), one, { table });
    const rows = indexByWalk(window);
    expect(bias.shape).toEqual([1, 2, 6, 6]);
    expect([...bias.data]).toEqual([...rows.map((r) => 2 * r), ...rows.map((r) => 2 * r + 1)]);
  });

  it("masks of shifted windows agree with painted regions", () => {
    const cases = pairs(1, 3).chain((grid) =>
      pairs(2, 4).chain((window) =>
        fc
          .tuple(fc.integer({ min: 0, max: window[0] - 1 }), fc.integer({ min: 0, max: window[1] - 1 }))
          .filter(([a, b]) => a + b > 0)
          .map((shift) => ({ size: [grid[0] * window[0], grid[1] * window[1]] as Pair, window, shift: shift as Pair })),
      ),
    );
    fc.assert(
      fc.property(cases, ({ size, window, shift }) => {
        const mask = runModule((s) => shiftedWindowMask(s, size, window, shift), one);
        const [rows, columns] = [Math.ceil(size[0] / window[0]), Math.ceil(size[1] / window[1])];
        const n = window[0] * window[1];
        expect(mask.shape).toEqual([rows * columns, 1, n, n]);
        expect([...mask.data]).toEqual(maskByPainting(size, window, shift));
      }),
    );
  });

  it("windows are cut in row-major order", () => {
    const x = filled([1, 4, 6, 1], (i) => i);
    const windows = runModule((s, v) => windowPartition(s, v, [2, 3]), x);
    expect(windows.shape).toEqual([4, 6, 1]);
    expect(Array.from(windows.data.slice(0, 12))).toEqual([0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11]);
  });

  it("pad, roll, cut, put together, roll back and crop is the identity", () => {
    fc.assert(
      fc.property(pairs(1, 7), pairs(1, 4), pairs(0, 5), fc.integer({ min: 1, max: 3 }), (size, window, shift, n) => {
        const x = noise([n, ...size, 2]);
        const y = runModule((s, v) => {
          const padded = padToWindows(s, rollMap(s, v, [-shift[0], -shift[1]]), window);
          const map = windowReverse(s, windowPartition(s, padded, window), window, padded);
          return rollMap(s, cropMap(s, map, size), shift);
        }, x);
        expect(y.shape).toEqual(x.shape);
        expect([...y.data]).toEqual([...x.data]);
      }),
    );
  });
});
