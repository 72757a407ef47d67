import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toFloat32 } from "../../../../src/frontend/weights/load.ts";
import { relativeBiasToModel } from "../../../../src/zoo/remap/relative-bias.ts";
import { type Plain, remapped } from "./network.ts";

type Pair = readonly [number, number];

/** A file of one table in a model whose table has a shape and belongs to a window. */
function resampled(plain: Plain, shape: readonly number[], window: Pair): Plain {
  const step = relativeBiasToModel(/^table$/, () => [...window]);
  const net = {
    parameters: [{ name: "table", dtype: "f32" as const, shape }],
    remap: { layouts: [], tail: [step] },
    file: new Map(),
  };
  const data = remapped(net, new Map([["table", plain]])).source.get("table");
  if (data === undefined) throw new Error("no table");
  return { shape: data.shape, values: toFloat32(data) };
}

const rows = ([h, w]: Pair): number => (2 * h - 1) * (2 * w - 1);

/**
 * The ratio as a point of a grid: 19 halvings of [1.01, 1.5] end at the middle of one of 2^18 equal cells, the one that
 * holds the root of 1 + q + ... + q^(n - 1) = reach, or the outermost. Newton's method finds the root from above.
 */
function ratio(n: number, reach: number): number {
  const power = (q: number): readonly [value: number, slope: number] => {
    let [value, slope] = [0, 0];
    for (let i = n - 1; i >= 0; i--) [slope, value] = [slope * q + value, value * q + 1];
    return [value - reach, slope];
  };
  let q = 2 + reach;
  if (n < 2) q = n <= reach ? Infinity : 0;
  else
    for (let i = 0; i < 200; i++) {
      const [value, slope] = power(q);
      q -= value / slope;
    }
  const cells = 2 ** 18;
  const cell = Math.min(cells - 1, Math.max(0, Math.floor(((q - 1.01) / 0.49) * cells)));
  return 1.01 + (0.49 * (cell + 0.5)) / cells;
}

/** Where row or column i of `from` lies, by the closed form of a geometric sum. */
function position(i: number, from: number, to: number): number {
  const half = (from - 1) / 2;
  const q = ratio(half, (to - 1) / 2);
  return (Math.sign(i - half) * (q ** Math.abs(i - half) - 1)) / (q - 1);
}

/** One value between four neighbours, clamped to the borders. */
function valueAt(map: (y: number, x: number) => number, from: number, to: Pair, target: Pair): number {
  const along = (axis: 0 | 1): readonly [cell: number, share: number] => {
    const at = target[axis] - (to[axis] - 1) / 2;
    let cell = 0;
    while (cell < from - 2 && position(cell + 1, from, to[axis]) < at) cell++;
    const [low, high] = [position(cell, from, to[axis]), position(cell + 1, from, to[axis])];
    return [cell, from === 1 ? 0 : Math.min(1, Math.max(0, (at - low) / (high - low)))];
  };
  const [[y, dy], [x, dx]] = [along(0), along(1)];
  const row = (r: number): number => map(r, x) * (1 - dx) + (dx === 0 ? 0 : map(r, x + 1) * dx);
  return row(y) * (1 - dy) + (dy === 0 ? 0 : row(y + 1) * dy);
}

describe("tables of relative positions at another window", () => {
  test("are interpolated on the uneven grid, head by head; rows of tokens outside the window stay", () => {
    const extent = fc.integer({ min: 1, max: 7 });
    const property = fc.property(
      extent,
      extent,
      extent,
      fc.constantFrom(0, 3),
      fc.integer(),
      (s, h, w, extra, seed) => {
        const [side, heads] = [2 * s - 1, 2];
        const to: Pair = [2 * h - 1, 2 * w - 1];
        const count = (side * side + extra) * heads;
        const values = Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 1.7 * i * i));
        const result = resampled(
          { shape: [side * side + extra, heads], values },
          [rows([h, w]) + extra, heads],
          [h, w],
        );
        expect(result.shape).toEqual([rows([h, w]) + extra, heads]);
        expect(result.values.slice(rows([h, w]) * heads)).toEqual(values.slice(side * side * heads));
        if (side === to[0] && side === to[1]) {
          expect(result.values).toEqual(values);
          return;
        }
        for (let i = 0; i < rows([h, w]) * heads; i++) {
          const [row, head] = [Math.floor(i / heads), i % heads];
          const map = (y: number, x: number): number => values[(y * side + x) * heads + head] ?? Number.NaN;
          const wanted = valueAt(map, side, to, [Math.floor(row / to[1]), row % to[1]]);
          expect(Math.abs((result.values[i] ?? Number.NaN) - wanted)).toBeLessThan(2e-6);
        }
      },
    );
    fc.assert(property, { numRuns: 60 });
  });

  /** What timm's resize_rel_pos_bias_table makes of ((7 i) mod 25) / 8 - 1, in float32. */
  const source: Plain = { shape: [25, 1], values: Float32Array.from({ length: 25 }, (_, i) => ((i * 7) % 25) / 8 - 1) };
  const wide = [
    0.25, 0.541666329, 1.125, 2, -0.25, 0.333333701, 0.625, 1.5, 0.750000954, -0.75, 0.125, 1, 1.58333373, 1.875,
    -0.375, -0.083333701, 0.5, 1.375, -0.875, -0.291666299, 0,
  ];
  const top = [-1, -1, -0.708333731, -0.125, 0.75, 1.62499988, 0.124999046, -0.625, -0.625];

  test("are timm's, also where the window is not square and where the grid does not reach the border", () => {
    const close = (values: Float32Array, wanted: readonly number[]): void => {
      for (const [i, value] of wanted.entries()) expect(values[i]).toBeCloseTo(value, 6);
    };
    const { values } = resampled(source, [21, 1], [2, 4]);
    expect(values).toHaveLength(21);
    close(values, wide);
    close(resampled(source, [81, 1], [5, 5]).values, top);
  });

  /** Columns that hold their own position give back whole numbers. The positions to the right of 0 are timm's. */
  test.each([
    [23, [1, 2.240723972, 3.780119948, 5.690085437, 8.059825407, 11.000018595]],
    [
      13,
      [
        1, 2.010000935, 3.030102822, 4.060406683, 5.101014544, 6.152029457, 7.213555501, 8.285697798, 9.36856252,
        10.462256901, 11.566889248,
      ],
    ],
    [15, [1, 2.061402111, 3.187976552, 4.383725043, 5.652895015, 6.999994702]],
    [31, [1, 2.499999065]],
  ])("lie where timm puts them, for %i columns", (columns, right) => {
    const places = [...right.map((p) => -p).toReversed(), 0, ...right];
    const table = { shape: [1, 1, places.length], values: Float32Array.from(places) };
    const reach = right.at(-1) ?? 0;
    const { values } = resampled(table, [1, 1, columns], [1, 1]);
    for (const [i, value] of values.entries())
      expect(value).toBeCloseTo(Math.max(-reach, Math.min(reach, i - (columns - 1) / 2)), 5);
  });

  test("of the form [heads, rows, columns] keep their heads", () => {
    const heads = 3;
    const values = Float32Array.from({ length: heads * 25 }, (_, i) => (i * 11) % 17);
    const maps = resampled({ shape: [heads, 5, 5], values }, [heads, 3, 7], [2, 4]);
    expect(maps.shape).toEqual([heads, 3, 7]);
    for (let head = 0; head < heads; head++) {
      const one = resampled({ shape: [25, 1], values: values.slice(head * 25, head * 25 + 25) }, [21, 1], [2, 4]);
      expect(maps.values.slice(head * 21, head * 21 + 21)).toEqual(one.values);
    }
  });

  test("of a window that is not square are taken where they are the model's own, and refused elsewhere", () => {
    const own = { shape: [21, 1], values: Float32Array.from({ length: 21 }, (_, i) => i) };
    expect(resampled(own, [21, 1], [2, 4])).toEqual(own);
    expect(() => resampled(own, [25, 1], [3, 3])).toThrow(
      /table cannot be mapped \(resample the relative positions\): 21 relative positions are not 0 and those of a square/,
    );
    expect(() => resampled({ shape: [16, 1], values: new Float32Array(16) }, [25, 1], [3, 3])).toThrow(/16 relative/);
    expect(() => resampled({ shape: [9], values: new Float32Array(9) }, [25, 1], [3, 3])).toThrow(/1 axes/);
  });

  test("of as many rows as a square window has are a square window's, as timm takes them", () => {
    const values = Float32Array.from({ length: 9 }, (_, i) => (i * i) % 7);
    const flat = resampled({ shape: [9, 1], values }, [9, 1], [1, 5]);
    const maps = resampled({ shape: [1, 3, 3], values }, [1, 1, 9], [1, 5]);
    expect(flat.values).toEqual(maps.values);
    expect(flat.values).not.toEqual(values);
  });
});
