import { join } from "node:path";
import type { ResolvedModel } from "../frontend/resolve.ts";
import { within } from "../ir/error.ts";
import type { OptimizationLevel } from "../passes/presets.ts";
import type { Observer, Pipeline } from "../passes/pass.ts";
import type { Watch } from "../backends/write-parts.ts";
import { beginArtifact, manifestName, removeFiles, writeWhole } from "./artifact-files.ts";
import { type SourceHashes, buildModel, describeArtifact } from "./describe-artifact.ts";
import type { FormRequest } from "./forms.ts";
import { hashFile, hashFiles, identityOf } from "./hash-file.ts";
import { refuseInterrupted } from "../backends/interrupt.ts";
import type { Layout } from "./layout/layout.ts";
import type { LowerRequest } from "./lower-request.ts";
import { lowerSizes } from "./lower-sizes.ts";
import { mapMany } from "./many.ts";
import type { Manifest } from "./manifest.ts";
import { defaultLevel, pipelineName, pipelineOf } from "./pipeline.ts";
import { type SizesRequest, requireSizes } from "./sizes.ts";
import { checkedRequest, targetOf } from "./target/targets.ts";
import { writeTexts } from "./text-files.ts";
import { watchNumbers } from "./weight-numbers.ts";
import { type WeightsChoice, openSharedWeights, refuseWithheld } from "./weights.ts";

export interface CompileRequest extends LowerRequest, FormRequest, SizesRequest, Watch {
  readonly out: string;
  readonly weights?: WeightsChoice | undefined;
  readonly optimization?: OptimizationLevel | undefined;
  /** How the folder is laid out; default `plain`. */
  readonly layout?: Layout | undefined;
  /** The passes to run by name and in order, in place of the level's; null is the level's. */
  readonly passes?: readonly string[] | null | undefined;
  /** See each pass from outside; of several sizes the first one's. */
  readonly observers?: readonly Observer[] | undefined;
}

/**
 * Compiles a model to an artifact folder and gives its manifest. Throws TimmcError, and then nothing half-written stays.
 * `pipeline` is for callers that hand the same one to `verify`: the manifest does not record where it differs from the request's.
 */
export async function compile(
  asked: CompileRequest,
  pipeline: Pipeline = pipelineOf(asked.optimization ?? defaultLevel, asked.passes, asked),
): Promise<Manifest> {
  const checked = checkedRequest(asked);
  const target = targetOf(checked);
  const { progress, signal, layout = "plain" } = checked;
  requireSizes(checked);
  progress?.(`lowering ${checked.model}`);
  const lowerings = await lowerSizes(checked, layout);
  for (const { lowering } of lowerings) within(checked.model, () => target.requireModel(lowering, checked));
  const models = mapMany(lowerings, (sized) => {
    const { resolved, lowered } = sized.lowering;
    return { ...sized, resolved, lowered };
  });
  const [first, ...others] = await openSharedWeights(checked.weights ?? "pretrained", models, checked);
  const { request, lowering, weights } = first;
  try {
    const identities = weights.files.map(identityOf);
    for (const source of [first, ...others]) refuseWithheld(source.lowering.lowered, source.weights);
    progress?.(`optimising with ${pipelineName(request.optimization ?? defaultLevel, request.passes)}`);
    const built = buildModel(request, lowering, weights, pipeline, others);
    refuseInterrupted(signal);
    const { model, texts } = target.places(layout);
    await beginArtifact(request.out, model, texts);
    const { see, notices } = watchNumbers();
    const hasWeights = weights.kind !== "none";
    const files = await built.emission.write(request.out, { hasWeights, see, signal, progress });
    try {
      const hashes = await hashSources(weights.files, { signal, identities }, lowering.resolved);
      const facts = { ...built, files, hashes, numberNotices: notices() };
      return within(request.out, () => finish(request.out, describeArtifact(request, lowering, weights, facts)));
    } catch (error) {
      removeFiles(request.out, files);
      throw error;
    }
  } finally {
    weights.close();
  }
}

/** Adds the small files to a described artifact, and last the manifest, which lists them. */
function finish(folder: string, described: Manifest): Manifest {
  const texts = writeTexts(folder, described);
  const manifest = { ...described, files: [...described.files, ...texts] };
  try {
    writeWhole(join(folder, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`);
    return manifest;
  } catch (error) {
    removeFiles(folder, texts);
    throw error;
  }
}

/** Of the weight files that were opened, and of a local folder's config.json. */
const hashSources = async (
  files: readonly string[],
  watched: Parameters<typeof hashFiles>[1],
  { local }: ResolvedModel,
): Promise<SourceHashes> => ({
  weights: files.length === 0 ? null : await hashFiles(files, watched),
  config: local === undefined ? null : await hashFile(join(local.path, "config.json")),
});
