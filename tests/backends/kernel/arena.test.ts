import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Lifetime, planArena } from "../../../src/backends/kernel/arena.ts";

const alignment = 256;

const tensors = fc.array(
  fc
    .record({ bytes: fc.integer({ min: 1, max: 4000 }), from: fc.nat(20), span: fc.nat(6) })
    .map(({ bytes, from, span }): Lifetime => ({ bytes, from, to: from + span })),
  { minLength: 1, maxLength: 25 },
);

describe("the arena", () => {
  it("keeps apart what lives at one step, at aligned offsets, in no less than the bound", () => {
    fc.assert(
      fc.property(tensors, (all) => {
        const { offsets, bytes, lowerBound } = planArena(all, alignment);
        expect(bytes).toBeGreaterThanOrEqual(lowerBound);
        all.forEach((a, i) => {
          const at = offsets[i] ?? NaN;
          expect(at % alignment).toBe(0);
          expect(at + a.bytes).toBeLessThanOrEqual(bytes);
          all.slice(0, i).forEach((b, j) => {
            const other = offsets[j] ?? NaN;
            if (a.from <= b.to && b.from <= a.to) expect(at + a.bytes <= other || other + b.bytes <= at).toBe(true);
          });
        });
      }),
      { seed: 20_260_101 },
    );
  });

  it("meets the bound where an order does, and else where placing the last ones earlier does", () => {
    const worst = fc.sample(tensors, { seed: 20_260_101, numRuns: 200 }).map((all) => {
      const { bytes, lowerBound } = planArena(all, alignment);
      return bytes / lowerBound;
    });
    expect(Math.max(...worst)).toBeLessThan(1.1);
  });
});
