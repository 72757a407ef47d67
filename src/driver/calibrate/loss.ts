import { numbersOf } from "../run-report.ts";
import type { Outputs } from "../verify-compare.ts";

/** What outputs differ from a reference by. */
export interface Loss {
  /** Pictures with the same first class, of all; null where the network gives no logits. */
  readonly agreement: number | null;
  /** The RMS error as a fraction of the standard deviation, of the output where it is largest. */
  readonly error: number;
}

interface Sums {
  count: number;
  sum: number;
  squares: number;
  errors: number;
}

/** Adds up the loss of one run after another. */
export class LossTally {
  readonly #sums = new Map<string, Sums>();
  #images = 0;
  #same = 0;

  add(expected: Outputs, actual: Outputs): void {
    for (const [name, reference] of expected) {
      const sums = this.#sums.get(name) ?? { count: 0, sum: 0, squares: 0, errors: 0 };
      this.#sums.set(name, sums);
      const result = actual.get(name);
      const [x, y] = [numbersOf(reference), result === undefined ? [] : numbersOf(result)];
      for (let i = 0; i < x.length; i++) {
        const value = x[i] ?? 0;
        sums.sum += value;
        sums.squares += value * value;
        sums.errors += ((y[i] ?? Number.NaN) - value) ** 2;
      }
      sums.count += x.length;
      const [rows = 0, classes = 0, ...more] = reference.shape;
      if (name === "logits" && classes > 1 && more.length === 0) this.#compare(x, y, rows, classes);
    }
  }

  #compare(x: ArrayLike<number>, y: ArrayLike<number>, rows: number, classes: number): void {
    for (let row = 0; row < rows; row++) {
      this.#images++;
      if (greatest(x, row * classes, classes) === greatest(y, row * classes, classes)) this.#same++;
    }
  }

  loss(): Loss {
    const errors = [...this.#sums.values()].map(({ count, sum, squares, errors: squared }) => {
      if (squared === 0) return 0;
      const error = Math.sqrt(squared / Math.max(0, squares - (sum * sum) / count));
      return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
    });
    return { agreement: this.#images === 0 ? null : this.#same / this.#images, error: Math.max(0, ...errors) };
  }
}

function greatest(values: ArrayLike<number>, from: number, length: number): number {
  let best = 0;
  for (let i = 1; i < length; i++) if ((values[from + i] ?? 0) > (values[from + best] ?? 0)) best = i;
  return best;
}
