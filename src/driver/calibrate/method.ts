import type { Histogram } from "./histogram.ts";

/** Precisions that read a calibration. */
export const calibratedPrecisions = ["int8", "fp16"] as const;
export type CalibratedPrecision = (typeof calibratedPrecisions)[number];

/** How the range that eight bits span is chosen of what was seen. */
export const methods = ["min-max", "percentile", "entropy"] as const;
export type Method = (typeof methods)[number];

export const defaultMethod: Method = "percentile";
export const defaultPercentile = 99.99;

/** The numbers of eight bits. */
const levels = 256;

interface Span {
  readonly low: number;
  readonly high: number;
}

/** The range by a method; a percentile is of all numbers, those outside half at either end. */
export function spanOf(histogram: Histogram, method: Method, percentile: number): Span {
  const { min, max } = histogram;
  const seen = { low: min, high: max };
  if (method === "min-max" || !(max > min)) return seen;
  return method === "percentile" ? quantiles(histogram, (1 - percentile / 100) / 2) : leastDivergence(histogram);
}

/** The ends of the bins that hold the quantiles of both tails. */
function quantiles({ min, max, width, counts, total }: Histogram, tail: number): Span {
  const inside = (from: number, step: number): number => {
    let sum = 0;
    for (let i = from; i >= 0 && i < counts.length; i += step) {
      sum += counts[i] ?? 0;
      if (sum > tail * total) return i;
    }
    return from;
  };
  return {
    low: Math.max(min, min + inside(0, 1) * width),
    high: Math.min(max, min + (inside(counts.length - 1, -1) + 1) * width),
  };
}

/** Bins between two candidates; and the least share of the largest magnitude that is tried. */
const candidateStep = 8;
const leastShare = 1 / 16;

/**
 * The range whose 256 levels keep the most of the distribution, as TensorRT chooses it (Migacz 2017): for magnitudes t the
 * numbers are clipped to [max(min, -t), min(max, t)], P is their distribution with what was clipped in the outermost bins,
 * Q the same after the levels have averaged it, each level over its own bins that are not empty; the t with the least
 * divergence sum P log(P / Q). Of several the widest.
 */
function leastDivergence(histogram: Histogram): Span {
  const { min, max, width, counts } = histogram;
  const magnitude = Math.max(-min, max);
  let best: Span = { low: min, high: max };
  let least = Number.POSITIVE_INFINITY;
  const steps = Math.floor(counts.length / candidateStep);
  for (let step = steps; step >= Math.ceil(steps * leastShare); step--) {
    const t = (magnitude * step) / steps;
    const [low, high] = [Math.max(min, -t), Math.min(max, t)];
    const from = Math.min(Math.round((low - min) / width), counts.length - 1);
    const to = Math.max(from + 1, Math.min(Math.round((high - min) / width), counts.length));
    const lost = divergence(counts, from, to);
    if (lost >= least) continue;
    least = lost;
    best = { low: min + from * width, high: Math.min(max, min + to * width) };
  }
  return best;
}

/** Of bins [from, to) with the others clipped into them, against themselves in 256 levels. */
function divergence(counts: Float64Array, from: number, to: number): number {
  const kept = counts.slice(from, to);
  const n = kept.length;
  const sum = (part: Float64Array): number => part.reduce((a, b) => a + b, 0);
  const clipped = Float64Array.from(kept);
  clipped[0] = (clipped[0] ?? 0) + sum(counts.subarray(0, from));
  clipped[n - 1] = (clipped[n - 1] ?? 0) + sum(counts.subarray(to));
  const averaged = new Float64Array(n);
  const count = Math.min(levels, n);
  for (let level = 0; level < count; level++) {
    const [a, b] = [Math.floor((level * n) / count), Math.floor(((level + 1) * n) / count)];
    let held = 0;
    let filled = 0;
    for (let i = a; i < b; i++) {
      held += kept[i] ?? 0;
      if ((clipped[i] ?? 0) > 0) filled++;
    }
    for (let i = a; i < b; i++) if ((clipped[i] ?? 0) > 0) averaged[i] = held / filled;
  }
  const [all, left] = [sum(clipped), sum(averaged)];
  let lost = 0;
  for (let i = 0; i < n; i++) {
    const p = (clipped[i] ?? 0) / all;
    // What only clipping put into a bin weighs as a small share there: an empty level cannot stand for it.
    if (p > 0) lost += p * Math.log(p / Math.max((averaged[i] ?? 0) / left, 1e-12));
  }
  return lost;
}
