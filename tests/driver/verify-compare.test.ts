import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ManifestOutput } from "../../src/driver/manifest.ts";
import { type Measurement, budgets, measure, passes } from "../../src/driver/verify-compare.ts";
import type { NpyArray } from "../../src/runtime/npy.ts";

const declared: ManifestOutput = {
  name: "y",
  dtype: "f32",
  shape: ["N"],
  module: null,
  channels: null,
  reduction: null,
  format: null,
  norm: null,
  softmax: false,
  bytes: null,
  macs: 0,
  params: 0,
};
const f32 = (values: readonly number[], shape: readonly number[] = [values.length]): NpyArray => ({
  dtype: "f32",
  shape,
  data: Float32Array.from(values),
});

function measured(reference: NpyArray | undefined, actual: NpyArray | undefined): Measurement {
  const outputs = (y: NpyArray | undefined) => new Map(y === undefined ? [] : [["y", y] as const]);
  const [one] = measure([declared], outputs(reference), outputs(actual));
  if (one === undefined) expect.fail();
  return one;
}

const values = fc.array(fc.float({ noNaN: true, min: -1000, max: 1000 }), { minLength: 2, maxLength: 30 });

test("equal arrays have no error, whatever their spread", () => {
  fc.assert(
    fc.property(values, (v) => {
      expect(measured(f32(v), f32(v))).toEqual({ name: "y", error: 0, ofStd: 0, used: 0, problem: null });
    }),
  );
});

test("one value off by e is an error of e, and passes just where the budget allows it", () => {
  fc.assert(
    fc.property(values, fc.nat(), fc.double({ min: 0.01, max: 10, noNaN: true }), (v, where, times) => {
      const reference = f32(v);
      const mean = v.reduce((a, b) => a + b, 0) / v.length;
      const std = Math.sqrt(v.reduce((a, b) => a + (b - mean) ** 2, 0) / v.length);
      const absmax = v.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      const allowed = budgets.f32.of_std * std + budgets.f32.of_absmax * absmax;
      const at = where % v.length;
      const before = v[at] ?? NaN;
      const after = Math.fround(before + times * allowed);
      const moved = Math.abs(after - before);
      fc.pre(allowed > 1e-3 && moved > 0 && Math.abs(moved / allowed - 1) > 1e-6);
      const m = measured(reference, f32(v.with(at, after)));
      expect(m.error / moved).toBeCloseTo(1, 9);
      expect(m.ofStd).toBeCloseTo(m.error / std, 6);
      expect(passes(m)).toBe(moved < allowed);
    }),
  );
});

test.each([NaN, Infinity, -Infinity])("%s never passes, on either side or on both", (bad) => {
  const sound = f32([1, 2, 3]);
  const spoilt = f32([1, bad, 3]);
  for (const [reference, actual] of [
    [sound, spoilt],
    [spoilt, sound],
    [spoilt, spoilt],
  ]) {
    const m = measured(reference, actual);
    expect(passes(m)).toBe(false);
    expect(m.problem).toMatch(/not finite/);
  }
});

test.each<[string, NpyArray | undefined, NpyArray | undefined, RegExp]>([
  ["a missing output", f32([1]), undefined, /the model lacks it/],
  ["a missing reference", undefined, f32([1]), /the reference lacks it/],
  ["another shape", f32([1, 2], [2, 1]), f32([1, 2], [1, 2]), /its shape is \[1,2\] instead of \[2,1\]/],
  ["another type", f32([1]), { dtype: "f64", shape: [1], data: Float64Array.of(1) }, /it is f64 instead of f32/],
])("%s never passes", (_, reference, actual, problem) => {
  const m = measured(reference, actual);
  expect(passes(m)).toBe(false);
  expect(m.problem).toMatch(problem);
});

test("an output without spread is measured by its magnitude, one of zeros exactly", () => {
  expect(passes(measured(f32([100, 100]), f32([100, 100.0005])))).toBe(true);
  expect(passes(measured(f32([100, 100]), f32([100, 100.01])))).toBe(false);
  expect(passes(measured(f32([0, 0]), f32([0, 1e-30])))).toBe(false);
});
