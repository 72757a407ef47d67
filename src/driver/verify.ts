import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Pipeline } from "../passes/pass.ts";
import { type OrtRuntime, loadOrt } from "../runtime/ort.ts";
import type { Session } from "../runtime/session.ts";
import { type Artifact, loadArtifact, requireWeights } from "./artifact.ts";
import type { SizedArtifact } from "./artifact-sizes.ts";
import type { Watch } from "../backends/write-parts.ts";
import { certificateName, documentText, writeWhole } from "./artifact-files.ts";
import type { CalibrationFile } from "./calibrate/calibration-file.ts";
import type { Certificate, Failure } from "./certificate.ts";
import { refuseInterrupted } from "../backends/interrupt.ts";
import { type Suspect, findCulprit } from "./verify-bisect.ts";
import { type Measurement, type Outputs, measure, passes, precisionOf, referenceNotFinite } from "./verify-compare.ts";
import { type Movement, movementOf } from "./verify-rounding.ts";
import { type TestInput, testInputs } from "./verify-inputs.ts";
import type { Many } from "./many.ts";
import { sizeName } from "./sizes.ts";
import type { OpenOptions, Runtime, Target } from "./target/target.ts";
import { targetOf } from "./target/targets.ts";
import { type GraphRunner, interpretGraph, runAll, runGraph } from "./run-graph.ts";
import { ownFailure } from "./verify-failure.ts";
import { type Remade, fileFailure, manifestFailure, recordedPipeline, remake } from "./verify-manifest.ts";
import { certifyPrecision, isMeasured } from "./verify-precision.ts";
import { type GivenSource, type OpenedSource, recordedCalibration, reopenSources } from "./verify-source.ts";
import { type Movements, type Trial, certify, excuseOf, undecided } from "./verify-verdict.ts";

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
  requireWeights(artifact);
  const target = targetOf(artifact.manifest.target);
  const calibration = recordedCalibration(artifact, options);
  const subject: Subject = { artifact, target, pipeline: pipeline ?? recordedPipeline(artifact, calibration) };
  const [ort, runtime] = [await loadOrt(), await target.load()];
  const sources = await reopenSources(artifact, options);
  try {
    const { signal, note, progress = () => {} } = options;
    refuseInterrupted(signal);
    progress("describing the artifact again");
    const remade = await remake(artifact, sources, subject.pipeline, { calibration, signal });
    const lie = manifestFailure(artifact.manifest, remade.differences);
    const means: Means = { ort, runtime, calibration, signal, progress, note };
    const certificate =
      lie === null
        ? await (isMeasured(remade.request) ? measured : compare)(subject, sources, remade, means)
        : certify(artifact, [], lie, { runtime: runtime.facts, movements: new Map() });
    keep(folder, certificate);
    return certificate;
  } finally {
    sources[0].weights.close();
  }
}

interface Subject {
  readonly artifact: Artifact;
  readonly target: Target;
  readonly pipeline: Pipeline;
}

interface Means {
  /** Runs the references, and `runtime` the artifact. */
  readonly ort: OrtRuntime;
  readonly runtime: Runtime;
  readonly calibration: CalibrationFile | undefined;
  readonly signal: AbortSignal | undefined;
  readonly progress: (text: string) => void;
  readonly note: VerifyOptions["note"];
}

/** Measures an artifact below float32, which has one size: it is no fault that its numbers are others. */
async function measured(
  { artifact, target }: Subject,
  [{ lowering, weights }]: Many<OpenedSource>,
  remade: Remade,
  { ort, runtime, calibration, signal, progress }: Means,
): Promise<Certificate> {
  const { opset } = target.comparedIn(artifact.manifest);
  const runner: GraphRunner = { ort, parameters: weights.parameters, opset, ops: "standard", signal };
  const { graph } = lowering.lowered;
  const certificate = await certifyPrecision(artifact, { graph, runner, runtime, calibration, progress });
  const failure = fileFailure(artifact, remade);
  return { ...certificate, failure, passed: certificate.passed && failure === null };
}

/** Runs every size of the artifact and its references, and says where they first part. */
async function compare(
  subject: Subject,
  sources: Many<OpenedSource>,
  remade: Remade,
  means: Means,
): Promise<Certificate> {
  const { artifact } = subject;
  const trials: Trial[] = [];
  const movements = new Map<TestInput, Movement>();
  let found: Failure | null = null;
  for (const source of sources) {
    const { suspect, cases, stills } = await examine(subject, source, remade, means);
    const moved = await movementsOf(suspect, cases, stills);
    found ??= placed(await explain(suspect, cases, moved), source.artifact);
    trials.push(...cases);
    for (const [input, movement] of moved) movements.set(input, movement);
  }
  const failure = found ?? fileFailure(artifact, remade) ?? undecided(artifact.manifest, trials, movements);
  return certify(artifact, trials, failure, { runtime: means.runtime.facts, movements });
}

const placed = (failure: Failure | null, { place }: SizedArtifact): Failure | null =>
  failure === null || place === undefined ? failure : { ...failure, message: `${place}: ${failure.message}` };

interface Examination {
  readonly suspect: Suspect;
  readonly cases: readonly Trial[];
  /** What the reference gives, by input. */
  readonly stills: ReadonlyMap<TestInput, Outputs>;
}

/** Runs one size of the artifact, and the references. */
async function examine(
  { artifact: whole, target, pipeline }: Subject,
  { artifact, lowering, weights: { parameters } }: OpenedSource,
  remade: Remade,
  { ort, runtime, signal, note, progress: say }: Means,
): Promise<Examination> {
  const { manifest, place } = artifact;
  const progress = place === undefined ? say : (text: string): void => say(`${place}: ${text}`);
  const { opset, ops } = target.comparedIn(manifest);
  const reference: GraphRunner = { ort, parameters, opset, ops: "standard", signal };
  const { graph } = lowering.lowered;
  const inputs = inputsOf(artifact);
  const tensors = inputs.map((i) => i.tensor);
  progress("running the unoptimised graph");
  const references = await runGraph(reference, graph, tensors);
  progress("running the artifact");
  const actual = await withSession(runtime, artifact, { signal, progress, note }, (session) =>
    runAll({ signal }, session, tensors),
  );
  const cases = inputs.map((input, i) => trial(artifact, input, "unoptimised", references[i], actual[i]));
  const stills = new Map(inputs.map((input, i) => [input, references[i] ?? nothing]));
  const [first] = inputs;
  const isSmall = first !== undefined && manifest.macs * (first.tensor.shape[0] ?? 1) <= interpretLimit;
  if (isSmall) {
    progress("running the float64 interpreter");
    cases.push(trial(artifact, first, "float64", interpretGraph(reference, graph, first.tensor), actual[0]));
  }
  const runner: GraphRunner = { ...reference, ops };
  const mismatch = (): string | null => fileFailure(whole, remade)?.message ?? null;
  const suspect: Suspect = { manifest, target, mismatch, graph, pipeline, reference, runner, progress, isSmall };
  return { suspect, cases, stills };
}

/** What is fed: of several sizes, each input says of which it is. */
const inputsOf = ({ manifest, size, place }: SizedArtifact): readonly TestInput[] =>
  testInputs(manifest).map((input) =>
    place === undefined ? input : { ...input, name: `${input.name} at ${sizeName(size)}` },
  );

async function withSession<T>(
  runtime: Runtime,
  artifact: Artifact,
  options: OpenOptions,
  body: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await runtime.open(artifact, options);
  try {
    return await body(session);
  } finally {
    await session.close();
  }
}

const nothing: Outputs = new Map();

const trial = (
  { manifest }: Artifact,
  input: TestInput,
  reference: Trial["reference"],
  expected: Outputs = nothing,
  actual: Outputs = nothing,
): Trial => ({ input, reference, measurements: measure(manifest.outputs, expected, actual, precisionOf(manifest)) });

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
  if (certificate.passed) writeWhole(path, documentText(certificate));
  else rmSync(path, { force: true });
}
