/** The value below which the fraction `q` of the samples lies, linear between neighbours; NaN of none. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const position = q * (sorted.length - 1);
  const below = sorted[Math.floor(position)] ?? NaN;
  const above = sorted[Math.ceil(position)] ?? NaN;
  return below + (above - below) * (position - Math.floor(position));
}

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

/** The samples of two series divided round by round. */
export const quotients = (above: readonly number[], below: readonly number[]): number[] =>
  above.map((value, i) => value / (below[i] ?? NaN));
