import { describe, expect, it } from "vitest";
import { disagreement, rowDisagreement } from "./compare.ts";
import type { TensorRecord } from "./records.ts";

const n = 200;
const values = Float32Array.from({ length: n }, (_, i) => Math.sin(i));
const mean = values.reduce((sum, v) => sum + v, 0) / n;
const std = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n);
const record: TensorRecord = {
  shape: [2, 100],
  mean,
  std,
  absmax: Math.max(...values.map(Math.abs)),
  samples: Array.from({ length: 64 }, (_, k) => values[Math.floor((k * (n - 1)) / 63)] ?? NaN),
};
const tensor = (change: (v: number, i: number) => number = (v) => v) => ({ dims: [2, 100], data: values.map(change) });

describe("a result against its record", () => {
  it("agrees with itself, and within the tolerance", () => {
    expect(disagreement(tensor(), record)).toBeUndefined();
    expect(
      disagreement(
        tensor((v) => v + 9e-4 * std),
        record,
      ),
    ).toBeUndefined();
  });

  it.each<[string, ReturnType<typeof tensor>]>([
    ["a shape", { ...tensor(), dims: [100, 2] }],
    ["everything by a little", tensor((v) => v + 1.2e-3 * std)],
    ["the first element", tensor((v, i) => (i === 0 ? v + 0.01 : v))],
    ["the last element", tensor((v, i) => (i === n - 1 ? v + 0.01 : v))],
    ["an element that is no sample, by much", tensor((v, i) => (i === 1 ? v + 5 : v))],
    ["a NaN that is no sample", tensor((v, i) => (i === 1 ? NaN : v))],
    ["infinity", tensor(() => Infinity)],
  ])("disagrees in %s", (_, changed) => {
    expect(disagreement(changed, record)).toBeDefined();
  });
});

it("a row of a batch is compared with its own run", () => {
  expect(rowDisagreement(values, values)).toBeUndefined();
  expect(
    rowDisagreement(
      values,
      values.map((v) => v * (1 + 5e-5)),
    ),
  ).toBeUndefined();
  expect(
    rowDisagreement(
      values,
      values.map((v, i) => (i === 7 ? v + 2e-4 : v)),
    ),
  ).toBeDefined();
  expect(
    rowDisagreement(
      values,
      values.map(() => NaN),
    ),
  ).toBeDefined();
  expect(rowDisagreement(values, values.subarray(1))).toBeDefined();
  const off = values.map((v) => v + 0.1);
  expect(rowDisagreement(values, off)).toBeDefined();
  expect(rowDisagreement(values, off, 0.11)).toBeUndefined();
});
