/** How many numbers of a value fell into each of equal parts of what was seen. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  /** Of a bin. */
  readonly width: number;
  readonly counts: Float64Array;
  readonly total: number;
}

const bins = 2048;

/** The extremes of numbers, and then their histogram. A NaN or an infinity is told, never counted. */
export class Spread {
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  readonly #counts = new Float64Array(bins);
  #total = 0;

  /** The first pass. Answers whether all numbers are finite. */
  see(numbers: Float32Array): boolean {
    let min = this.#min;
    let max = this.#max;
    // A float64 sum of finite float32 numbers is finite; a NaN or an infinity stays in it.
    let sum = 0;
    for (let i = 0; i < numbers.length; i++) {
      const x = numbers[i] as number;
      if (x < min) min = x;
      if (x > max) max = x;
      sum += x;
    }
    this.#min = min;
    this.#max = max;
    return Number.isFinite(sum);
  }

  /** The second pass, of the same numbers. */
  count(numbers: Float32Array): void {
    const [min, perUnit] = [this.#min, bins / (this.#max - this.#min)];
    this.#total += numbers.length;
    if (!Number.isFinite(perUnit)) return;
    const counts = this.#counts;
    for (let i = 0; i < numbers.length; i++) {
      const bin = Math.min(Math.floor(((numbers[i] as number) - min) * perUnit), bins - 1);
      counts[bin] = (counts[bin] as number) + 1;
    }
  }

  /** Undefined where nothing was seen. */
  histogram(): Histogram | undefined {
    if (this.#min > this.#max) return undefined;
    const [min, max] = [this.#min, this.#max];
    return { min, max, width: (max - min) / bins, counts: this.#counts, total: this.#total };
  }
}
