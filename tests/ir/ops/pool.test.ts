import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Dim, substituteDim, symbol } from "../../../src/ir/dim.ts";
import { inferPool } from "../../../src/ir/ops/pool.ts";
import { tensor } from "../../../src/ir/type.ts";
import { refusal } from "../refusal.ts";

interface Axis {
  readonly extent: number;
  readonly kernel: number;
  readonly stride: number;
  readonly before: number;
  readonly after: number;
}

const axis: fc.Arbitrary<Axis> = fc
  .record({
    extent: fc.integer({ min: 1, max: 20 }),
    kernel: fc.integer({ min: 1, max: 6 }),
    stride: fc.integer({ min: 1, max: 4 }),
  })
  .chain((a) => {
    const pad = fc.integer({ min: 0, max: a.kernel - 1 });
    return fc.record({ before: pad, after: pad }).map((pads) => ({ ...a, ...pads }));
  });

const extentOf = (extent: Dim, { kernel, stride, before, after }: Axis, ceil: boolean): Dim => {
  const pooled = inferPool(tensor("f32", [1, 1, extent]), {
    kernel: [kernel],
    stride: [stride],
    padding: [before, after],
    ceil,
  });
  return pooled.shape[2] ?? 0;
};

/**
 * Windows of torch, one by one: floor keeps those that end inside the padded input; ceil also keeps one that overhangs it, if
 * something of the padded input is not covered yet and the window starts inside the input or its leading padding.
 */
function walk({ extent, kernel, stride, before, after }: Axis, ceil: boolean): number {
  const padded = extent + before + after;
  let n = 0;
  while (n * stride + kernel <= padded) n++;
  const covered = (n - 1) * stride + kernel;
  return ceil && covered < padded && n * stride < extent + before ? n + 1 : n;
}

describe("pooled extents", () => {
  it("floor and ceil count the windows that torch visits", () => {
    fc.assert(
      fc.property(axis, fc.boolean(), (a, ceil) => {
        fc.pre(walk(a, false) > 0);
        expect(extentOf(a.extent, a, ceil)).toBe(walk(a, ceil));
      }),
      { seed: 1, numRuns: 3000 },
    );
  });

  it("a symbolic extent has the extent of every size that it stands for, or is refused", () => {
    fc.assert(
      fc.property(axis, fc.boolean(), (a, ceil) => {
        fc.pre(walk(a, false) > 0);
        const body = () => extentOf(symbol("H"), a, ceil);
        if (ceil && a.after + a.stride > a.kernel) expect(refusal(body)).toContain("C4");
        else expect(substituteDim(body(), { H: a.extent })).toBe(walk(a, ceil));
      }),
      { seed: 2, numRuns: 1000 },
    );
  });

  it("refuses windows that may lie in the padding alone", () => {
    expect(refusal(() => extentOf(5, { extent: 5, kernel: 2, stride: 1, before: 2, after: 0 }, false))).toContain("C3");
  });
});
