import { quantile } from "../src/driver/bench.ts";

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** A median and where the true one lies with a confidence of about 95 %. */
export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Median with the interval between two order statistics, which assumes nothing of the distribution: of n samples, the
 * number below the true median is binomial(n, 1/2), within n/2 - 1.96 sqrt(n)/2 and its mirror 95 % of the time. Below
 * seven samples the interval is all of them. NaN of none.
 */
export function estimate(samples: readonly number[]): Estimate {
  const sorted = samples.toSorted((a, b) => a - b);
  const n = sorted.length;
  const rank = Math.max(0, Math.floor((n - 1 - 1.96 * Math.sqrt(n)) / 2));
  return { median: median(sorted), low: sorted[rank] ?? NaN, high: sorted[n - 1 - rank] ?? NaN };
}

/**
 * The estimate of samples that come in heats, each with a deviation of its own: the interval of all together, widened to
 * where the medians of the heats lie.
 */
export function overHeats(heats: readonly (readonly number[])[]): Estimate {
  const all = estimate(heats.flat());
  const middles = heats.filter((heat) => heat.length > 0).map(median);
  return { median: all.median, low: Math.min(all.low, ...middles), high: Math.max(all.high, ...middles) };
}

/** exp of the mean logarithm: the mean of ratios that treats a and 1/a alike. NaN of none. */
export const geometricMean = (ratios: readonly number[]): number =>
  Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);

/** The samples of two series divided round by round. */
export const quotients = (above: readonly number[], below: readonly number[]): number[] =>
  above.map((value, i) => value / (below[i] ?? NaN));

/** Half the relative width of an interval. */
export const halfWidth = ({ low, high, median: middle }: Estimate): number => (high - low) / (2 * middle);

export type Verdict = "faster" | "same" | "slower";

/** A ratio is a finding when its whole interval lies beyond what two sessions of one and the same file differ by. */
export function verdictOf(ratio: Estimate, sameFile: Estimate): Verdict {
  const spread = Math.max(sameFile.high, 1 / sameFile.low, 1);
  if (ratio.low > spread) return "slower";
  return ratio.high < 1 / spread ? "faster" : "same";
}
