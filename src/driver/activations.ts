import { requirePictureChannels } from "../frontend/preprocess/normalization.ts";
import { TimmcError } from "../ir/error.ts";
import type { LoweredModel } from "../zoo/lower.ts";
import { loadOrt } from "../runtime/ort.ts";
import { type ActivationReport, Tally } from "./activation-tally.ts";
import type { Watch } from "../backends/write-parts.ts";
import { formsOf } from "./forms.ts";
import { refuseInterrupted } from "../backends/interrupt.ts";
import { checkedRequest } from "./target/targets.ts";
import { type LowerRequest, type LoweredRequest, lowerRequest, lowerResolved } from "./lower-request.ts";
import { pictureBatch } from "./picture-batch.ts";
import { withGraph } from "./run-graph.ts";
import { type WeightsChoice, openModelWeights, refuseWithheld } from "./weights.ts";

export interface ActivationsRequest extends LowerRequest, Watch {
  readonly weights?: WeightsChoice | undefined;
  readonly images: readonly string[];
}

/** What pictures gave in a network. */
export interface Activations {
  /** What the user should know of the model and its weights. */
  readonly notices: readonly string[];
  /** In the order asked. */
  readonly taps: readonly ActivationReport[];
}

/**
 * Runs pictures, one at a time whatever the batch asked for, through a network as it was lowered and describes what its
 * taps gave; every feature stage, unless taps are named. Throws TimmcError.
 */
export async function activations(request: ActivationsRequest): Promise<Activations> {
  const { images, signal, progress } = request;
  const { opset } = checkedRequest(request);
  if (images.length === 0) throw new TimmcError("usage", "no pictures to run", { hint: "Name at least one." });
  if (request.weights === "none")
    throw new TimmcError("usage", "a network without weights has no activations", {
      hint: "Choose others: --weights pretrained, synthetic or FILE.",
    });
  const { lowered, resolved, taps, preprocess, notices } = await lowerTaps({ ...request, batch: "dynamic" });
  requirePictureChannels(resolved.inputSize[0], "Pictures have 1 or 3 channels.");
  const weights = await openModelWeights(request.weights ?? "pretrained", resolved, lowered, request);
  try {
    refuseWithheld(lowered, weights);
    const input = { config: resolved.data, normalized: preprocess ? ("inside" as const) : ("outside" as const) };
    const runner = {
      ort: await loadOrt(),
      parameters: weights.parameters,
      ...formsOf({ opset }),
      signal,
    };
    return await withGraph(runner, lowered.graph, "all", async (session) => {
      const tallies = taps.map((tap) => new Tally(tap));
      for (const [index, image] of images.entries()) {
        refuseInterrupted(signal);
        progress?.(`${index} of ${images.length} pictures`);
        const outputs = await session.run(await pictureBatch(input, [image], 1, signal));
        for (const tally of tallies) tally.add(outputs);
      }
      return { notices: [...notices, ...weights.notices], taps: tallies.map((tally) => tally.report()) };
    });
  } finally {
    weights.close();
  }
}

/** The request's graph with the taps asked for; without any, with those of all stages. */
async function lowerTaps(request: LowerRequest): Promise<LoweredRequest> {
  if (request.taps !== undefined) return lowerRequest(request);
  const whole = await lowerRequest({ ...request, taps: ["forward_features"] });
  const stages = stageTaps(whole.lowered);
  return stages.length === 0 ? whole : lowerResolved(whole.resolved, { ...request, taps: stages });
}

const stageTaps = ({ model }: LoweredModel): string[] =>
  model.stages.flatMap(({ refused }, i) => (refused === undefined ? [`features.${i}`] : []));
