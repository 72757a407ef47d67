import { rmSync } from "node:fs";
import { join } from "node:path";
import { TimmcError } from "../ir/error.ts";
import type { Pipeline } from "../passes/pass.ts";
import type { NpyArray } from "../runtime/npy.ts";
import { type OrtRuntime, loadOrt } from "../runtime/ort.ts";
import { type Artifact, loadArtifact, outputsByTap, runnableModel } from "./artifact.ts";
import type { Watch } from "./artifact-model.ts";
import { certificateName, writeWhole } from "./artifact-files.ts";
import { type Certificate, type Failure, type OutputVerdict, certificateVersion } from "./certificate.ts";
import { refuseInterrupted } from "./interrupt.ts";
import type { ManifestOutput } from "./manifest.ts";
import { type Suspect, findCulprit } from "./verify-bisect.ts";
import { type Measurement, type Outputs, budgets, measure, passes, referenceNotFinite } from "./verify-compare.ts";
import { type TestInput, testInputs } from "./verify-inputs.ts";
import { type GraphRunner, interpretGraph, runGraph, runModel } from "./run-graph.ts";
import { type Remade, frameFailure, manifestFailure, recordedPipeline, remake } from "./verify-manifest.ts";
import { type GivenSource, type OpenedSource, reopenSource } from "./verify-source.ts";
import { version } from "./version.ts";

export interface VerifyOptions extends GivenSource, Watch {}

/** Multiply-accumulates that the float64 interpreter does in about two seconds. */
const interpretLimit = 200e6;

/**
 * Describes an artifact again from its own source, and runs it against that, unoptimised, on several inputs: a manifest
 * that says something else fails, and so does an output that is too far off. The reference is the -O0 graph in ONNX
 * Runtime, in standard operators; a small network is also compared with the float64 interpreter, which shares nothing
 * with the emission. A certificate that passed is written into the folder; one that did not takes an older one away.
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
        : certify(artifact, [], lie, ort.version);
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
  const [first] = inputs;
  const isSmall = first !== undefined && manifest.macs * (first.tensor.shape[0] ?? 1) <= interpretLimit;
  if (isSmall) {
    progress("running the float64 interpreter");
    cases.push(trial(artifact, first, "float64", interpretGraph(reference, graph, first.tensor), actual[0]));
  }
  const runner: GraphRunner = { ...reference, ops: manifest.request.onnx_ops };
  const failure =
    (await explain({ manifest, graph, pipeline, reference, runner, progress, isSmall }, cases)) ??
    frameFailure(artifact, remade);
  return certify(artifact, cases, failure, ort.version);
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

/** One input against one reference, every output measured. */
interface Trial {
  readonly input: TestInput;
  readonly reference: Certificate["inputs"][number]["reference"];
  readonly measurements: readonly Measurement[];
}

const nothing: Outputs = new Map();

const trial = (
  { manifest }: Artifact,
  input: TestInput,
  reference: Trial["reference"],
  expected: Outputs = nothing,
  actual: Outputs = nothing,
): Trial => ({ input, reference, measurements: measure(manifest.outputs, expected, actual) });

/** Where the first failing trial goes wrong; null when none fails. */
async function explain(suspect: Suspect, trials: readonly Trial[]): Promise<Failure | null> {
  const failed = trials.find((t) => !t.measurements.every(passes));
  if (failed === undefined) return null;
  const unusable = failed.measurements.find((m) => m.problem === referenceNotFinite);
  if (unusable !== undefined)
    return {
      stage: "reference",
      pass: null,
      rule: null,
      module: null,
      message: `${unusable.name} is not finite in the unoptimised graph either, on the input ${failed.input.name}`,
    };
  return findCulprit(suspect, failed.input.tensor);
}

function certify(
  { manifest, manifestSha256 }: Artifact,
  trials: readonly Trial[],
  failure: Failure | null,
  ortVersion: string,
): Certificate {
  const outputs = manifest.outputs.map((output, index) => verdict(output, trialsOf(trials, index)));
  return {
    certificate_version: certificateVersion,
    manifest_sha256: manifestSha256,
    compiler: { name: "timmc", version },
    runtime: { name: "onnxruntime-node", version: ortVersion },
    passed: failure === null && outputs.every((o) => o.passed),
    inputs: trials.map(({ input, reference }) => ({ name: input.name, shape: input.tensor.shape, reference })),
    outputs,
    failure,
  };
}

/** The problem of the outputs of an artifact whose manifest failed already. */
const notRun = "not run";

type OutputTrial = Measurement & { readonly input: string };

const trialsOf = (trials: readonly Trial[], index: number): OutputTrial[] =>
  trials.flatMap(({ input, measurements }) =>
    measurements.slice(index, index + 1).map((m) => ({ ...m, input: input.name })),
  );

function verdict({ name, dtype }: ManifestOutput, trials: readonly OutputTrial[]): OutputVerdict {
  const [worst] = trials.toSorted((a, b) => rank(b) - rank(a));
  const problem = trials.length === 0 ? notRun : (trials.find((t) => t.problem !== null)?.problem ?? null);
  const largest = (of: (t: OutputTrial) => number): number | null => {
    const highest = Math.max(0, ...trials.map(of).filter((v) => !Number.isNaN(v)));
    return problem === null && Number.isFinite(highest) ? highest : null;
  };
  return {
    name,
    dtype,
    max_abs_error: largest((t) => t.error),
    error_of_std: largest((t) => t.ofStd),
    budget_used: largest((t) => t.used),
    budget: budgets[dtype],
    worst_input: worst?.input ?? "",
    passed: trials.length > 0 && trials.every(passes),
    problem,
  };
}

/** What is not a number is worse than any number. */
const rank = ({ used }: Measurement): number => (Number.isNaN(used) ? Infinity : used);

/** The folder holds a certificate exactly where the last verification passed. */
function keep(folder: string, certificate: Certificate): void {
  const path = join(folder, certificateName);
  if (certificate.passed) writeWhole(path, `${JSON.stringify(certificate, undefined, 2)}\n`);
  else rmSync(path, { force: true });
}
