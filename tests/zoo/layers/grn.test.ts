import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../src/ir/ndarray.ts";
import { globalResponseNorm } from "../../../src/zoo/layers/grn.ts";
import { closeTo, filled, noise, runModule } from "../run-module.ts";

/** ConvNeXt V2, algorithm 1, with timm's eps, over an NHWC map. */
function reference(x: NdArray, weight: NdArray, bias: NdArray): number[] {
  const [n = 1, h = 1, w = 1, c = 1] = x.shape;
  const at = (i: number, p: number, k: number): number => x.data[(i * h * w + p) * c + k] ?? Number.NaN;
  const positions = Array.from({ length: h * w }, (_, p) => p);
  const channels = Array.from({ length: c }, (_, k) => k);
  return Array.from({ length: n }, (_, i) => {
    const norms = channels.map((k) => Math.sqrt(positions.reduce((sum, p) => sum + at(i, p, k) ** 2, 0)));
    const mean = norms.reduce((a, b) => a + b, 0) / c;
    return positions.flatMap((p) =>
      channels.map((k) => {
        const v = at(i, p, k);
        const scaled = (v * (norms[k] ?? 0)) / (mean + 1e-6);
        return v + (weight.data[k] ?? 0) * scaled + (bias.data[k] ?? 0);
      }),
    );
  }).flat();
}

describe("global response normalisation", () => {
  const x = noise([2, 3, 4, 5]);
  const weight = filled([5], (i) => i - 1.5);
  const bias = filled([5], (i) => 0.1 * i);

  it("is the paper's over NHWC maps", () => {
    const y = runModule(globalResponseNorm(), x, { weight, bias });
    expect(closeTo(y, reference(x, weight, bias))).toBe(true);
  });

  it("is the same over NCHW maps", () => {
    const y = runModule(
      (s, v) => {
        const map = globalResponseNorm(1)(s, s.transpose(v, { perm: [0, 3, 1, 2] }));
        return s.transpose(map, { perm: [0, 2, 3, 1] });
      },
      x,
      { weight, bias },
    );
    expect(closeTo(y, reference(x, weight, bias))).toBe(true);
  });
});
