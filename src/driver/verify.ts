import { rmSync } from "node:fs";
import { join } from "node:path";
import { TimmcError } from "../ir/error.ts";
import type { Pipeline } from "../passes/pass.ts";
import type { NpyArray } from "../runtime/npy.ts";
import { type OrtRuntime, loadOrt } from "../runtime/ort.ts";
import { type Artifact, loadArtifact, outputsByTap, runnableModel } from "./artifact.ts";
import type { Watch } from "../backends/write-parts.ts";
import { certificateName, writeWhole } from "./artifact-files.ts";
import type { Certificate, Failure } from "./certificate.ts";
import { refuseInterrupted } from "../backends/interrupt.ts";
import { type Suspect, findCulprit } from "./verify-bisect.ts";
import { type Measurement, type Outputs, measure, passes, referenceNotFinite } from "./verify-compare.ts";
import { type Movement, movementOf } from "./verify-rounding.ts";
import { type TestInput, testInputs } from "./verify-inputs.ts";
import { type GraphRunner, interpretGraph, runGraph, runModel } from "./run-graph.ts";
import { type Remade, frameFailure, manifestFailure, recordedPipeline, remake } from "./verify-manifest.ts";
import { type GivenSource, type OpenedSource, reopenSource } from "./verify-source.ts";
import { type Movements, type Trial, certify, excuseOf, ownFailure, undecided } from "./verify-verdict.ts";

export interface VerifyOptions extends GivenSource, Watch {}

/** Multiply-accumulates that the float64 interpreter does in about two seconds. */
const interpretLimit = 200e6;

/**
 * Describes an artifact again from its own source, and runs it against that, unoptimised, on several inputs: a manifest
 * that says something else fails, and so does an output that is too far off. The reference is the -O0 graph in ONNX
 * Runtime, in standard operators; a small network is also compared with the float64 interpreter, which shares nothing
 * with the emission. An output that rounding decides does not pass, and accuses nobody. A certificate that passed is written into the folder; one that did not takes an older one away.
 * `pipeline` is the one that the artifact was compiled with, where that is not the manifest's.
 * Throws TimmcError where there is nothing to run or the source is not found; a failed comparison is a result.
 */
export async function verify(folder: string, options: VerifyOptions = {}, pipeline?: Pipeline): Promise<Certificate> {
  const artifact = await loadArtifact(folder);
  const subject: Subject = {
    artifact,
    model: runnableModel(artifact),
    pipeline: pipeline ?? recordedPipeline(artifact),
  };
  const ort = await loadOrt();
  const source = await reopenSource(artifact, options);
  try {
    const { signal, progress = () => {} } = options;
    refuseInterrupted(signal);
    progress("describing the artifact again");
    const remade = await remake(artifact, source, subject.pipeline, signal);
    const lie = manifestFailure(artifact.manifest, remade.differences);
    const certificate =
      lie === null
        ? await compare(subject, source, remade, { ort, signal, progress })
        : certify(artifact, [], lie, { ortVersion: ort.version, movements: new Map() });
    keep(folder, certificate);
    return certificate;
  } finally {
    source.weights.close();
  }
}

interface Subject {
  readonly artifact: Artifact;
  /** The path of the model file. */
  readonly model: string;
  readonly pipeline: Pipeline;
}

interface Means {
  readonly ort: OrtRuntime;
  readonly signal: AbortSignal | undefined;
  readonly progress: (text: string) => void;
}

/** Runs the artifact and the references, and says where they part. */
async function compare(
  { artifact, model, pipeline }: Subject,
  { lowering, weights }: OpenedSource,
  remade: Remade,
  { ort, signal, progress }: Means,
): Promise<Certificate> {
  const { manifest } = artifact;
  const { parameters } = weights;
  const { opset } = manifest.target;
  const reference: GraphRunner = { ort, parameters, opset, ops: "standard", signal };
  const { graph } = lowering.lowered;
  const inputs = testInputs(manifest);
  const tensors = inputs.map((i) => i.tensor);
  progress("running the unoptimised graph");
  const references = await runGraph(reference, graph, tensors);
  progress("running the artifact");
  const results = await runArtifact({ ort, signal }, model, tensors);
  const actual = results.map((outputs) => outputsByTap(manifest, outputs));
  const cases = inputs.map((input, i) => trial(artifact, input, "unoptimised", references[i], actual[i]));
  const stills = new Map(inputs.map((input, i) => [input, references[i] ?? nothing]));
  const [first] = inputs;
  const isSmall = first !== undefined && manifest.macs * (first.tensor.shape[0] ?? 1) <= interpretLimit;
  if (isSmall) {
    progress("running the float64 interpreter");
    cases.push(trial(artifact, first, "float64", interpretGraph(reference, graph, first.tensor), actual[0]));
  }
  const runner: GraphRunner = { ...reference, ops: manifest.request.onnx_ops };
  const suspect: Suspect = { manifest, graph, pipeline, reference, runner, progress, isSmall };
  const movements = await movementsOf(suspect, cases, stills);
  const failure =
    (await explain(suspect, cases, movements)) ??
    frameFailure(artifact, remade) ??
    undecided(manifest, cases, movements);
  return certify(artifact, cases, failure, { ortVersion: ort.version, movements });
}

/** What ONNX Runtime refuses may be a file that was changed, whatever its hash is now. */
async function runArtifact(
  by: Pick<GraphRunner, "ort" | "signal">,
  model: string,
  tensors: readonly NpyArray[],
): Promise<Outputs[]> {
  try {
    return await runModel(by, model, tensors, "all");
  } catch (error) {
    if (!(error instanceof TimmcError) || error.code !== "unsupported") throw error;
    const hint = "Compile the model again, in case the file was changed; otherwise install a newer onnxruntime-node.";
    throw new TimmcError(error.code, error.message, { trail: error.trail, hint, cause: error });
  }
}

const nothing: Outputs = new Map();

const trial = (
  { manifest }: Artifact,
  input: TestInput,
  reference: Trial["reference"],
  expected: Outputs = nothing,
  actual: Outputs = nothing,
): Trial => ({ input, reference, measurements: measure(manifest.outputs, expected, actual) });

/** How far outputs move where one fails: only there is it worth the time. */
async function movementsOf(
  { manifest, graph, reference, progress }: Suspect,
  trials: readonly Trial[],
  stills: ReadonlyMap<TestInput, Outputs>,
): Promise<Movements> {
  const failing = new Set(trials.flatMap((t) => (t.measurements.some(isTooFar) ? [t.input] : [])));
  const found = new Map<TestInput, Movement>();
  for (const input of failing) {
    progress(`changing the last bit of the input ${input.name}`);
    const still = stills.get(input) ?? nothing;
    found.set(input, await movementOf(reference, graph, manifest.outputs, { input: input.tensor, still }));
  }
  return found;
}

/** A number that exceeds its budget, and not something worse. */
const isTooFar = (m: Measurement): boolean => m.problem === null && !passes(m);

/** Where the first trial that fails for another reason than rounding goes wrong; null when none does. */
async function explain(suspect: Suspect, trials: readonly Trial[], movements: Movements): Promise<Failure | null> {
  const failed = trials.find((t) => !t.measurements.every(excuseOf(movements, t)));
  if (failed === undefined) return null;
  const unusable = failed.measurements.find((m) => m.problem === referenceNotFinite);
  if (unusable !== undefined)
    return ownFailure(
      "reference",
      `${unusable.name} is not finite in the unoptimised graph either, on the input ${failed.input.name}`,
    );
  const excused = excuseOf(movements, failed);
  const outputs = suspect.manifest.outputs.filter((_, i) => !failed.measurements.slice(i, i + 1).every(excused));
  return findCulprit(suspect, { input: failed.input.tensor, outputs, isExcused: excused });
}

/** The folder holds a certificate exactly where the last verification passed. */
function keep(folder: string, certificate: Certificate): void {
  const path = join(folder, certificateName);
  if (certificate.passed) writeWhole(path, `${JSON.stringify(certificate, undefined, 2)}\n`);
  else rmSync(path, { force: true });
}
