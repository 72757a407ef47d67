import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TimmcError } from "../../../src/ir/error.ts";
import { type NdArray, at } from "../../../src/ir/ndarray.ts";
import { patchEmbed, patchGrid, toMap, toTokens } from "../../../src/zoo/layers/patch-embed.ts";
import { resamplePosEmbed } from "../../../src/zoo/layers/pos-embed.ts";
import { closeTo, filled, noise, runModule } from "../run-module.ts";

const sizes = fc.record({
  rows: fc.integer({ min: 1, max: 3 }),
  columns: fc.integer({ min: 1, max: 3 }),
  ph: fc.integer({ min: 1, max: 3 }),
  pw: fc.integer({ min: 1, max: 3 }),
});

/** Every token as the product of one patch and the weights; pixels outside the image are 0. */
function byPatch(x: NdArray, weight: NdArray, [rows, columns]: readonly [number, number]): number[] {
  const [, channels = 1, h = 1, w = 1] = x.shape;
  const [width = 1, , ph = 1, pw = 1] = weight.shape;
  const pixel = (c: number, i: number, j: number): number => (i < h && j < w ? at(x, (c * h + i) * w + j) : 0);
  const out: number[] = [];
  for (let r = 0; r < rows; r++)
    for (let q = 0; q < columns; q++)
      for (let o = 0; o < width; o++) {
        let sum = 0;
        for (let c = 0; c < channels; c++)
          for (let i = 0; i < ph; i++)
            for (let j = 0; j < pw; j++)
              sum += pixel(c, r * ph + i, q * pw + j) * at(weight, ((o * channels + c) * ph + i) * pw + j);
        out.push(sum);
      }
  return out;
}

const refusal = (body: () => unknown): string => {
  try {
    body();
  } catch (error) {
    if (error instanceof TimmcError) return error.message;
    throw error;
  }
  return "accepted";
};

describe("patch embedding", () => {
  it("projects every patch, row by row", () => {
    fc.assert(
      fc.property(sizes, ({ rows, columns, ph, pw }) => {
        const x = noise([1, 2, rows * ph, columns * pw]);
        const weight = noise([3, 2, ph, pw]);
        const got = runModule(patchEmbed({ patch: [ph, pw], width: 3, bias: false }), x, { "proj.weight": weight });
        expect(got.shape).toEqual([1, rows * columns, 3]);
        expect(closeTo(got, byPatch(x, weight, [rows, columns]), 1e-9)).toBe(true);
      }),
    );
  });

  it("completes the last patches with zeros below and to the right", () => {
    const x = noise([1, 1, 4, 7]);
    const weight = noise([2, 1, 3, 4]);
    const module = patchEmbed({ patch: [3, 4], width: 2, bias: false, pad: true, format: "NHWC" });
    const got = runModule(module, x, { "proj.weight": weight });
    expect(got.shape).toEqual([1, 2, 2, 2]);
    expect(closeTo(got, byPatch(x, weight, [2, 2]), 1e-9)).toBe(true);
    expect(patchGrid([4, 7], [3, 4], true)).toEqual([2, 2]);
  });

  it("refuses the sizes that timm asserts against", () => {
    const at6 = (options: object): string =>
      refusal(() => runModule(patchEmbed({ patch: [4, 4], width: 2, ...options }), noise([1, 1, 8, 6])));
    expect(at6({})).toContain("width 6 is not divisible by the patch size 4");
    expect(at6({ size: [6, 6] })).toContain("height 8 doesn't match the model's 6");
    expect(at6({ size: [8, 6] })).toBe("accepted");
    expect(at6({ pad: true })).toBe("accepted");
  });

  it("goes from tokens to a map and back", () => {
    const x = noise([2, 6, 4]);
    const round = runModule((s, y) => toTokens(s, toMap(s, y, [2, 3])), x);
    expect(closeTo(round, [...x.data].map(Number), 0)).toBe(true);
  });
});

describe("position embeddings on another grid", () => {
  const resampled = (table: NdArray, from: [number, number], to: [number, number], prefix: number): NdArray =>
    runModule((s) => resamplePosEmbed(s, s.param("pos_embed", table.shape), from, to, prefix), noise([1]), {
      pos_embed: table,
    });

  it("stay on their own grid, and on a square one of as many patches", () => {
    const table = noise([1, 37, 2]);
    expect(resampled(table, [6, 6], [6, 6], 1)).toEqual(table);
    expect(resampled(table, [4, 9], [4, 9], 1)).toEqual(table);
    expect(resampled(table, [4, 9], [6, 6], 1)).toEqual(table);
    expect(resampled(table, [4, 9], [9, 4], 1)).not.toEqual(table);
  });

  it("keep the prefix and a constant", () => {
    const table = filled([1, 2 + 12, 2], (i) => (i < 4 ? 10 + i : i % 2));
    const got = resampled(table, [3, 4], [5, 2], 2);
    expect(got.shape).toEqual([1, 2 + 10, 2]);
    expect(closeTo(got, [10, 11, 12, 13, ...Array.from({ length: 20 }, (_, i) => i % 2)])).toBe(true);
  });

  it("keep the order of rows and columns", () => {
    const byRow = filled([1, 16, 1], (i) => Math.floor(i / 4));
    const got = [...resampled(byRow, [4, 4], [8, 3], 0).data].map(Number);
    for (let r = 0; r < 8; r++) for (let c = 1; c < 3; c++) expect(got[3 * r + c]).toBeCloseTo(got[3 * r] ?? 0, 12);
    expect(got[0]).toBeLessThan(got[21] ?? 0);
  });
});
