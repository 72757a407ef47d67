import { requirePictureChannels } from "../frontend/preprocess/normalization.ts";
import type { Tap } from "../frontend/taps.ts";
import { TimmcError } from "../ir/error.ts";
import type { NpyArray } from "../runtime/npy.ts";
import { loadOrt } from "../runtime/ort.ts";
import type { Watch } from "./artifact-model.ts";
import { formsOf } from "./forms.ts";
import { refuseInterrupted } from "./interrupt.ts";
import { type LowerRequest, lowerRequest } from "./lower-request.ts";
import { pictureBatch } from "./picture-batch.ts";
import { numbersOf } from "./run-report.ts";
import { withGraph } from "./verify-reference.ts";
import { type WeightsChoice, openModelWeights, refuseWithheld } from "./weights.ts";

/** What a tap's values were over all pictures. */
export interface ActivationReport {
  readonly tap: string;
  readonly module: string | null;
  /** Null where the tap has no axis of channels. */
  readonly channels: number | null;
  readonly mean: number;
  readonly std: number;
  readonly min: number;
  readonly max: number;
  /** Channels that have one value at every position of every picture, of all; null where there are no channels. */
  readonly dead: number | null;
  /** Values that are no finite numbers; the rest is of the others. */
  readonly not_finite: number;
}

export interface ActivationsRequest extends LowerRequest, Watch {
  readonly weights?: WeightsChoice | undefined;
  readonly images: readonly string[];
}

/**
 * Runs pictures through a network as it was lowered and describes what its taps gave; every feature stage, unless taps
 * are named. Throws TimmcError.
 */
export async function activations(request: ActivationsRequest): Promise<ActivationReport[]> {
  const { images, signal, progress } = request;
  if (images.length === 0) throw new TimmcError("usage", "no pictures to run", { hint: "Name at least one." });
  if (request.weights === "none") throw new TimmcError("usage", "a network without weights has no activations");
  const lowering = await lowerRequest({ ...request, taps: request.taps ?? (await allStages(request)) });
  const { lowered, resolved, taps, preprocess } = lowering;
  requirePictureChannels(resolved.inputSize[0], "Pictures have 1 or 3 channels.");
  const weights = await openModelWeights(request.weights ?? "pretrained", resolved, lowered, request);
  try {
    refuseWithheld(lowered, weights);
    const input = { config: resolved.data, normalized: preprocess ? ("inside" as const) : ("outside" as const) };
    const runner = { ort: await loadOrt(), parameters: weights.parameters, ...formsOf({}), signal };
    return await withGraph(runner, lowered.graph, "all", async (session) => {
      const tallies = taps.map((tap) => new Tally(tap));
      for (const [index, image] of images.entries()) {
        refuseInterrupted(signal);
        progress?.(`${index} of ${images.length} pictures`);
        const outputs = await session.run(await pictureBatch(input, [image], 1, signal));
        for (const tally of tallies) tally.add(outputs);
      }
      return tallies.map((tally) => tally.report());
    });
  } finally {
    weights.close();
  }
}

async function allStages(request: LowerRequest): Promise<string[]> {
  const { lowered } = await lowerRequest({ ...request, taps: ["forward_features"] });
  const stages = lowered.model.stages.flatMap(({ refused }, i) => (refused === undefined ? [`features.${i}`] : []));
  return stages.length > 0 ? stages : ["forward_features"];
}

/** Running sums of one tap: of all its numbers, and the range of each channel. */
class Tally {
  private readonly tap: Tap;
  private infinite = 0;
  private count = 0;
  private mean = 0;
  private squares = 0;
  private low: Float64Array | undefined;
  private high: Float64Array | undefined;

  constructor(tap: Tap) {
    this.tap = tap;
  }

  add(outputs: ReadonlyMap<string, NpyArray>): void {
    const array = outputs.get(this.tap.name);
    if (array === undefined) throw new TimmcError("invalid-ir", `ONNX Runtime gave no output ${this.tap.name}`);
    const values = numbersOf(array);
    const { channels, step } = channelAxis(array.shape, this.tap);
    this.low ??= new Float64Array(channels).fill(Number.POSITIVE_INFINITY);
    this.high ??= new Float64Array(channels).fill(Number.NEGATIVE_INFINITY);
    for (let i = 0; i < values.length; i++) {
      const x = values[i] ?? Number.NaN;
      if (!Number.isFinite(x)) {
        this.infinite++;
        continue;
      }
      const channel = Math.floor(i / step) % channels;
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
    const dead = low.reduce((n, x, i) => n + (x === high[i] ? 1 : 0), 0);
    return {
      tap: tap.name,
      module: tap.module ?? null,
      channels: hasChannels ? low.length : null,
      mean: this.mean,
      std: Math.sqrt(this.squares / Math.max(1, this.count)),
      min: low.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
      max: high.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
      dead: hasChannels ? dead : null,
      not_finite: this.infinite,
    };
  }
}

/** How many channels there are, and how many numbers lie between two of them; one channel for all where there is no such axis. */
function channelAxis(shape: readonly number[], { format }: Tap): { readonly channels: number; readonly step: number } {
  if (format === undefined) return { channels: 1, step: Number.POSITIVE_INFINITY };
  const axis = format === "NCHW" ? 1 : shape.length - 1;
  return { channels: shape[axis] ?? 1, step: shape.slice(axis + 1).reduce((n, d) => n * d, 1) };
}
