import { array, assert, double, property } from "fast-check";
import { expect, test } from "vitest";
import { estimate, geometricMean, halfWidth, median, overHeats, quotients, verdictOf } from "../../bench/statistics.ts";

const sample = double({ min: 0.001, max: 1000, noNaN: true });

test("the median of an odd and an even number of samples, and of none", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test("few samples are their own interval, many leave the tails out", () => {
  expect(estimate([2, 1, 3])).toEqual({ median: 2, low: 1, high: 3 });
  const hundred = Array.from({ length: 101 }, (_, i) => i);
  // 101/2 - 1.96 sqrt(101)/2 = 40.65: ranks 40 and 60 counted from 0.
  expect(estimate(hundred)).toEqual({ median: 50, low: 40, high: 60 });
});

test("an interval holds its median and does not depend on the order of the samples", () =>
  assert(
    property(array(sample, { minLength: 1 }), (samples) => {
      const { median: middle, low, high } = estimate(samples);
      expect(low).toBeLessThanOrEqual(middle);
      expect(middle).toBeLessThanOrEqual(high);
      expect(estimate(samples.toReversed())).toEqual({ median: middle, low, high });
    }),
  ));

/** xorshift32: the coverage below must not depend on luck. */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

test.each([12, 30, 120])("of %i samples the interval holds the true median about 95 times in 100", (n) => {
  const next = uniform(n);
  const trials = 2000;
  let held = 0;
  for (let trial = 0; trial < trials; trial++) {
    const { low, high } = estimate(Array.from({ length: n }, next));
    if (low <= 0.5 && 0.5 <= high) held++;
  }
  expect(held / trials).toBeGreaterThan(0.935);
  expect(held / trials).toBeLessThan(0.995);
});

test("the geometric mean takes a ratio and its inverse to 1", () => {
  expect(geometricMean([0.5, 2])).toBeCloseTo(1, 12);
  expect(geometricMean([0.5, 0.5, 4])).toBeCloseTo(1, 12);
  expect(geometricMean([])).toBeNaN();
});

test("quotients are taken round by round", () => {
  expect(quotients([1, 4], [2, 8])).toEqual([0.5, 0.5]);
  expect(halfWidth({ median: 2, low: 1, high: 3 })).toBe(0.5);
});

test("heats that disagree widen the interval", () => {
  const heat = (around: number): number[] => Array.from({ length: 40 }, (_, i) => around + (i % 5) * 1e-4);
  const agreeing = overHeats([heat(1), heat(1)]);
  expect(agreeing.high - agreeing.low).toBeLessThan(0.001);
  const apart = overHeats([heat(0.98), heat(1), heat(1.03), []]);
  expect(apart.low).toBeCloseTo(0.98, 3);
  expect(apart.high).toBeCloseTo(1.03, 3);
});

test("only what lies beyond the spread of one file is a finding", () => {
  const around = (middle: number, reach = 0.005) => ({ median: middle, low: middle - reach, high: middle + reach });
  expect(verdictOf(around(0.9), around(1))).toBe("faster");
  expect(verdictOf(around(1.1), around(1))).toBe("slower");
  expect(verdictOf(around(1.008), around(1))).toBe("same");
  expect(verdictOf(around(0.97), around(1.04))).toBe("same");
  expect(verdictOf(around(1.03), around(0.96))).toBe("same");
});
