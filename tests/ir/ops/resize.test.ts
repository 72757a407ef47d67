import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resize, resizeTaps } from "../../../src/ir/ops/resize.ts";
import { tensor } from "../../../src/ir/type.ts";
import { refusal } from "../refusal.ts";

const extent = fc.integer({ min: 1, max: 60 });
const options = fc.constantFrom(
  { mode: "linear", antialias: false, align_corners: false } as const,
  { mode: "linear", antialias: false, align_corners: true } as const,
  { mode: "linear", antialias: true, align_corners: false } as const,
  { mode: "cubic", antialias: false, align_corners: false } as const,
  { mode: "cubic", antialias: false, align_corners: true } as const,
  { mode: "cubic", antialias: true, align_corners: false } as const,
);
const parameters = { seed: 3, numRuns: 500 };

const apply = (taps: ReturnType<typeof resizeTaps>, signal: (j: number) => number): number[] =>
  taps.map((row) => row.reduce((sum, [j, w]) => sum + w * signal(j), 0));

describe("the taps of a resize", () => {
  it("reproduce a constant signal", () => {
    fc.assert(
      fc.property(extent, extent, options, (from, to, o) => {
        for (const y of apply(resizeTaps(from, to, o), () => 1)) expect(y).toBeCloseTo(1, 12);
      }),
      parameters,
    );
  });

  it("are symmetric", () => {
    fc.assert(
      fc.property(extent, extent, options, (from, to, o) => {
        // One aligned corner out of two: torch takes the first.
        fc.pre(to > 1 || !o.align_corners);
        const taps = resizeTaps(from, to, o);
        const forth = apply(taps, (j) => Math.sin(j));
        const back = apply(taps, (j) => Math.sin(from - 1 - j));
        forth.forEach((y, i) => expect(y).toBeCloseTo(back[to - 1 - i] ?? Number.NaN, 10));
      }),
      parameters,
    );
  });

  it("are the identity between equal extents", () => {
    fc.assert(
      fc.property(extent, options, (n, o) => {
        apply(resizeTaps(n, n, o), (j) => j * j).forEach((y, i) => expect(y).toBeCloseTo(i * i, 9));
      }),
      parameters,
    );
  });

  it("stay inside the signal", () => {
    fc.assert(
      fc.property(extent, extent, options, (from, to, o) => {
        for (const row of resizeTaps(from, to, o)) for (const [j] of row) expect(j >= 0 && j < from).toBe(true);
      }),
      parameters,
    );
  });

  it("of nearest are floor(i from / to) without rounding", () => {
    const o = { mode: "nearest", antialias: false, align_corners: false } as const;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 500 }), (from, to) => {
        resizeTaps(from, to, o).forEach((row, i) => {
          const exact = Number((BigInt(i) * BigInt(from)) / BigInt(to));
          expect(row).toEqual([[exact, 1]]);
        });
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  it("refuse what torch has no meaning for", () => {
    const infer = (a: Partial<Parameters<typeof resize.infer>[1]>) =>
      refusal(() =>
        resize.infer(
          { x: tensor("f32", [1, 1, 4]) },
          { axes: [2], size: [8], mode: "linear", antialias: false, align_corners: false, ...a },
        ),
      );
    expect(infer({})).toBe("accepted");
    expect(infer({ antialias: true, align_corners: true })).toContain("C2");
    expect(infer({ mode: "nearest", antialias: true })).toContain("C2");
    expect(infer({ mode: "nearest", align_corners: true })).toContain("C2");
    expect(infer({ axes: [2, 2], size: [8, 8] })).toContain("C1");
  });
});
