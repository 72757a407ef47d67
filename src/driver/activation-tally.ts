import type { Tap } from "../frontend/taps.ts";
import { TimmcError } from "../ir/error.ts";
import type { NpyArray } from "../runtime/npy.ts";
import { numbersOf } from "./run-report.ts";

/** What a tap's values were over all pictures. */
export interface ActivationReport {
  readonly tap: string;
  readonly module: string | null;
  /** Null where the tap has no axis of channels. */
  readonly channels: number | null;
  /** Of the finite values, as are the next three; null where there are none. */
  readonly mean: number | null;
  readonly std: number | null;
  readonly min: number | null;
  readonly max: number | null;
  /** Channels that have one finite value at every position of every picture, of all; null where there are no channels. */
  readonly dead: number | null;
  /** How many values are NaN or infinite. */
  readonly not_finite: number;
}

/** What a tally needs to know of its tap. */
type TalliedTap = Pick<Tap, "name" | "module" | "format">;

/** Running sums of one tap: of all its numbers, and the range of each channel. Pictures may differ in all but channels. */
export class Tally {
  private readonly tap: TalliedTap;
  private infinite = 0;
  private count = 0;
  private mean = 0;
  private squares = 0;
  private min = Number.POSITIVE_INFINITY;
  private max = Number.NEGATIVE_INFINITY;
  /** Of each channel; NaN from a value on that is no finite number, so that the channel never counts as dead. */
  private low: Float64Array | undefined;
  private high: Float64Array | undefined;

  constructor(tap: TalliedTap) {
    this.tap = tap;
  }

  /** The outputs of one picture, or of several. Throws `invalid-ir` where the tap is not among them. */
  add(outputs: ReadonlyMap<string, NpyArray>): void {
    const array = outputs.get(this.tap.name);
    if (array === undefined) throw new TimmcError("invalid-ir", `ONNX Runtime gave no output ${this.tap.name}`);
    const values = numbersOf(array);
    const { channels, step } = channelAxis(array.shape, this.tap);
    this.low ??= new Float64Array(channels).fill(Number.POSITIVE_INFINITY);
    this.high ??= new Float64Array(channels).fill(Number.NEGATIVE_INFINITY);
    for (let i = 0; i < values.length; i++) {
      const x = values[i] ?? Number.NaN;
      const channel = Math.floor(i / step) % channels;
      if (!Number.isFinite(x)) {
        this.infinite++;
        this.low[channel] = Number.NaN;
        continue;
      }
      this.min = Math.min(this.min, x);
      this.max = Math.max(this.max, x);
      this.low[channel] = Math.min(this.low[channel] ?? x, x);
      this.high[channel] = Math.max(this.high[channel] ?? x, x);
      // Welford: the sum of squared distances from a mean that moves.
      const before = x - this.mean;
      this.count++;
      this.mean += before / this.count;
      this.squares += before * (x - this.mean);
    }
  }

  report(): ActivationReport {
    const { tap, low = new Float64Array(0), high = new Float64Array(0) } = this;
    const hasChannels = tap.format !== undefined;
    const ofFinite = (x: number): number | null => (this.count === 0 ? null : x);
    const dead = low.reduce((n, x, i) => n + (x === high[i] ? 1 : 0), 0);
    return {
      tap: tap.name,
      module: tap.module ?? null,
      channels: hasChannels ? low.length : null,
      mean: ofFinite(this.mean),
      std: ofFinite(Math.sqrt(this.squares / this.count)),
      min: ofFinite(this.min),
      max: ofFinite(this.max),
      // One value alone is no sign of a dead channel.
      dead: hasChannels && this.count + this.infinite > low.length ? dead : null,
      not_finite: this.infinite,
    };
  }
}

/** How many channels there are, and how many numbers lie between two of them; one channel for all where there is no such axis. */
function channelAxis(
  shape: readonly number[],
  { format }: TalliedTap,
): { readonly channels: number; readonly step: number } {
  if (format === undefined) return { channels: 1, step: Number.POSITIVE_INFINITY };
  const axis = format === "NCHW" ? 1 : shape.length - 1;
  return { channels: shape[axis] ?? 1, step: shape.slice(axis + 1).reduce((n, d) => n * d, 1) };
}
