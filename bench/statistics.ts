import { type Estimate, estimate, median } from "../src/driver/statistics.ts";

export { type Estimate, estimate, median, quotients } from "../src/driver/statistics.ts";

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

/** Half the relative width of an interval. */
export const halfWidth = ({ low, high, median: middle }: Estimate): number => (high - low) / (2 * middle);

export type Verdict = "faster" | "same" | "slower";

/** A ratio is a finding when its whole interval lies beyond what two sessions of one and the same file differ by. */
export function verdictOf(ratio: Estimate, sameFile: Estimate): Verdict {
  const spread = Math.max(sameFile.high, 1 / sameFile.low, 1);
  if (ratio.low > spread) return "slower";
  return ratio.high < 1 / spread ? "faster" : "same";
}
