import { join } from "node:path";
import type { ResolvedModel } from "../frontend/resolve.ts";
import { within } from "../ir/error.ts";
import type { OptimizationLevel } from "../passes/presets.ts";
import type { Observer, Pipeline } from "../passes/pass.ts";
import type { ModelFile, Watch } from "../backends/write-parts.ts";
import { certificateName, documentText, manifestName, stageArtifact, writeWhole } from "./artifact-files.ts";
import type { Certificate } from "./certificate.ts";
import { requireCalibratedWeights, requirePrecision } from "./compile-precision.ts";
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
import { sortedRequest } from "./sorted-request.ts";
import { writeTexts } from "./text-files.ts";
import { watchNumbers } from "./weight-numbers.ts";
import { isMeasured } from "./verify-precision.ts";
import { type HubSource, type WeightsChoice, openSharedWeights, refuseWithheld } from "./weights.ts";

export interface CompileRequest extends LowerRequest, FormRequest, SizesRequest, Watch {
  readonly out: string;
  readonly weights?: WeightsChoice | undefined;
  /** The commit to take pretrained weights of that Hub repository at, in place of the one that its revision stands for now. */
  readonly pinned?: HubSource | undefined;
  readonly optimization?: OptimizationLevel | undefined;
  /** Of a precision below float32: the largest RMS error of an output, as a fraction of its standard deviation. */
  readonly maxError?: number | undefined;
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
export const compile = async (asked: CompileRequest, pipeline?: Pipeline): Promise<Manifest> =>
  (await compileFiles(asked, pipeline)).manifest;

/** An artifact, and the model files of it by the pieces that they are made of. */
export interface Compiled {
  readonly manifest: Manifest;
  /** Of a precision below float32, which is measured before it is an artifact. */
  readonly certificate: Certificate | undefined;
  readonly files: readonly ModelFile[];
}

/** As `compile`, and says how the files are made. */
export async function compileFiles(
  asked: CompileRequest,
  pipeline: Pipeline = pipelineOf(asked.optimization ?? defaultLevel, asked.passes, asked),
): Promise<Compiled> {
  const checked = checkedRequest(sortedRequest(asked));
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
  const hasWeights = weights.kind !== "none";
  try {
    const identities = weights.files.map(identityOf);
    for (const source of [first, ...others]) refuseWithheld(source.lowering.lowered, source.weights);
    // The passes rewrite the graph in place, and the reference of a precision is the graph before them.
    const reference = hasWeights && isMeasured(request) ? lowering.lowered.graph.clone().graph : undefined;
    progress?.(`optimising with ${pipelineName(request.optimization ?? defaultLevel, request.passes)}`);
    const built = buildModel(request, lowering, weights, pipeline, others);
    refuseInterrupted(signal);
    const { see, notices } = watchNumbers();
    return await stageArtifact(request.out, target.places(layout), async (stage) => {
      const files = await built.emission.write(stage, { hasWeights, see, signal, progress });
      const hashes = await hashSources(weights.files, { signal, identities }, lowering.resolved);
      requireCalibratedWeights(request, hashes.weights);
      const facts = { ...built, files, hashes, numberNotices: notices() };
      const described = within(request.out, () => describeArtifact(request, lowering, weights, facts));
      const certificate =
        reference && (await requirePrecision(stage, request, described, { graph: reference, weights }));
      return { ...within(request.out, () => finish(stage, described, certificate)), files };
    });
  } finally {
    weights.close();
  }
}

/** Adds the small files to a described artifact, the manifest, which lists them, and the certificate of what was measured. */
function finish(
  stage: string,
  described: Manifest,
  measured: Certificate | undefined,
): Pick<Compiled, "manifest" | "certificate"> {
  const texts = writeTexts(stage, described);
  const manifest = { ...described, files: [...described.files, ...texts] };
  const { sha256 } = writeWhole(join(stage, manifestName), documentText(manifest));
  const certificate = measured && { ...measured, manifest_sha256: sha256 };
  if (certificate !== undefined) writeWhole(join(stage, certificateName), documentText(certificate));
  return { manifest, certificate };
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
