import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { adaptiveAvgPool } from "../../../src/zoo/layers/adaptive-avg-pool.ts";
import { closeTo, noise, runModule } from "../run-module.ts";

/** torch's definition, bin by bin. */
function byBins(x: Float64Array | Float32Array, maps: number, h: number, w: number, oh: number, ow: number): number[] {
  const out: number[] = [];
  for (let m = 0; m < maps; m++)
    for (let i = 0; i < oh; i++)
      for (let j = 0; j < ow; j++) {
        let sum = 0;
        let n = 0;
        for (let y = Math.floor((i * h) / oh); y < Math.ceil(((i + 1) * h) / oh); y++)
          for (let z = Math.floor((j * w) / ow); z < Math.ceil(((j + 1) * w) / ow); z++, n++)
            sum += x[(m * h + y) * w + z] ?? Number.NaN;
        out.push(sum / n);
      }
  return out;
}

describe("adaptive average pool", () => {
  it("agrees with a walk over bins, to coarser and finer maps", () => {
    const extent = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(extent, extent, extent, extent, (h, w, oh, ow) => {
        const x = noise([2, 3, h, w]);
        const y = runModule(adaptiveAvgPool([oh, ow]), x);
        expect(y.shape).toEqual([2, 3, oh, ow]);
        expect(closeTo(y, byBins(x.data, 6, h, w, oh, ow))).toBe(true);
      }),
    );
  });
});
