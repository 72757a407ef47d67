import { pixelElements } from "../frontend/preprocess/picture-input.ts";
import { fillSynthetic } from "../frontend/weights/synthetic.ts";
import { TimmcError } from "../ir/error.ts";
import type { Graph } from "../ir/graph.ts";
import { count } from "../ir/type.ts";
import type { Precision } from "../passes/precision/precision.ts";
import type { NpyArray } from "../runtime/npy.ts";
import type { Artifact } from "./artifact.ts";
import type { CalibrationFile } from "./calibrate/calibration-file.ts";
import { type Certificate, type OutputVerdict, certificateVersion } from "./certificate.ts";
import { filledInput, imageSize, inputShape, recipeInput } from "./input-tensor.ts";
import type { Manifest, ManifestOutput } from "./manifest.ts";
import { refuseInterrupted } from "../backends/interrupt.ts";
import { pictureInput } from "./picture-batch.ts";
import { type GraphRunner, withGraph } from "./run-graph.ts";
import { numbersOf } from "./run-report.ts";
import type { FormRequest } from "./forms.ts";
import { defaultTarget } from "./target/names.ts";
import type { Runtime } from "./target/target.ts";
import { type Outputs, referenceNotFinite } from "./verify-compare.ts";
import type { TestInput } from "./verify-inputs.ts";
import { version } from "./version.ts";

/**
 * What an artifact below float32 costs: its outputs against those of the unoptimised float32 graph, on check pictures. It is
 * judged by the root of the mean squared error as a fraction of the reference's standard deviation, since the largest
 * error of millions of rounded numbers says little about a network.
 */

/**
 * The RMS error allowed where the user does not say, as a fraction of an output's standard deviation. Sound networks use
 * about a third of it; a network whose numbers do not fit exceeds it many times.
 */
const maxErrors: { readonly [P in Precision]: number } = {
  fp32: 2e-4,
  fp16: 0.02,
  int8: 0.3,
  "int8-dynamic": 0.3,
  "int8-weights": 0.1,
  "int4-weights": 0.5,
};

export const maxErrorOf = ({ target, request }: Manifest): number =>
  request.max_error ?? maxErrors[target.precision ?? "fp32"];

/** Whether an artifact is measured so. Kernels in halves are compared number by number, as float32 is. */
export const isMeasured = ({
  target = defaultTarget,
  precision = "fp32",
}: Pick<FormRequest, "target" | "precision">): boolean => target === "onnx" && precision !== "fp32";

interface PrecisionMeans {
  /** The unoptimised graph, and what runs it. */
  readonly graph: Graph;
  readonly runner: GraphRunner;
  readonly runtime: Runtime;
  readonly calibration: CalibrationFile | undefined;
  readonly progress: (text: string) => void;
}

/** Measures every output of an artifact whose files are written; its manifest need not be. */
export async function certifyPrecision(artifact: Artifact, means: PrecisionMeans): Promise<Certificate> {
  const { manifest, manifestSha256 } = artifact;
  const { graph, runner, runtime, calibration, progress } = means;
  const inputs = checkInputs(manifest, calibration);
  const tallies = manifest.outputs.map((output) => new ErrorTally(output));
  const top = new TopTally(manifest);
  const session = await runtime.open(artifact);
  try {
    await withGraph(runner, graph, "all", async (reference) => {
      for (const [index, input] of inputs.entries()) {
        const { tensor } = input;
        refuseInterrupted(runner.signal);
        progress(`measuring the precision: ${index} of ${inputs.length} inputs`);
        const [expected, actual] = [await reference.run(tensor), await session.run(tensor)];
        for (const tally of tallies) tally.add(expected, actual, input);
        top.add(expected, actual, input);
      }
    });
  } finally {
    await session.close();
  }
  const outputs = tallies.map((tally) => tally.verdict(maxErrorOf(manifest)));
  return {
    certificate_version: certificateVersion,
    manifest_sha256: manifestSha256,
    compiler: { name: "timmc", version },
    runtime: runtime.facts,
    passed: outputs.every((o) => o.passed),
    inputs: inputs.map(({ name, tensor }) => ({ name, shape: tensor.shape, reference: "unoptimised" })),
    outputs,
    agreement: top.agreement(calibration === undefined ? "synthetic" : "pictures"),
    failure: null,
  };
}

/** An input of so many pictures; where its batch holds more, the rows behind repeat pictures and count for nothing. */
interface CheckInput extends TestInput {
  readonly rows: number;
}

/** Inputs where there are no pictures. */
const syntheticInputs = 8;

/** The check pictures, as many at once as a fixed batch takes; without a calibration numbers of the recipe's kind. */
function checkInputs(manifest: Manifest, calibration: CalibrationFile | undefined): CheckInput[] {
  const shape = inputShape(manifest, 1);
  const [rows = 1] = shape;
  if (calibration === undefined)
    return Array.from({ length: Math.ceil(syntheticInputs / rows) }, (_, i) =>
      i === 0
        ? { name: "recipe", tensor: recipeInput(manifest, shape), rows }
        : { name: `noise ${i}`, tensor: noiseInput(manifest, shape, i), rows },
    );
  const { pictures } = calibration;
  requireSameSize(manifest, calibration);
  const input = pictureInput(manifest);
  const elements = pictures.map((pixels) => pixelElements(pixels, input));
  return Array.from({ length: Math.ceil(pictures.length / rows) }, (_, i) => ({
    name: rows === 1 ? `picture ${i}` : `pictures ${i * rows} to ${Math.min((i + 1) * rows, pictures.length) - 1}`,
    rows: Math.min(rows, pictures.length - i * rows),
    // A last batch that is not full begins again with the first pictures.
    tensor: joined(
      manifest,
      shape,
      Array.from({ length: rows }, (_, k) => elements[(i * rows + k) % elements.length]),
    ),
  }));
}

function requireSameSize(manifest: Manifest, { inputSize }: CalibrationFile): void {
  const own = imageSize(manifest);
  if (own.every((extent, i) => extent === inputSize[i])) return;
  throw new TimmcError(
    "config",
    `the calibration's pictures are ${inputSize.join(" x ")} and the network's ${own.join(" x ")}`,
    { hint: "Calibrate again with the options of this compile." },
  );
}

const noiseInput = (manifest: Manifest, shape: readonly number[], seed: number): NpyArray => {
  const values = new Float32Array(count(shape));
  fillSynthetic(`check ${seed}`, [1, 1, values.length], values);
  const isPixels = manifest.input.layout === "NHWC";
  return filledInput(manifest, shape, (i) =>
    isPixels ? Math.min(255, Math.max(0, Math.round(128 + 256 * (values[i] ?? 0)))) : 4 * (values[i] ?? 0),
  );
};

function joined(
  manifest: Manifest,
  shape: readonly number[],
  rows: readonly (Float32Array | Uint8Array | undefined)[],
): NpyArray {
  const each = count(shape.slice(1));
  const at = (i: number): number => rows[Math.floor(i / each)]?.[i % each] ?? 0;
  return filledInput(manifest, shape, at);
}

/**
 * How many numbers of an output are of an input's own pictures: of one whose rows divide among those of a batch the first,
 * of another all or, where some rows repeat pictures, none.
 */
export function ownNumbers(shape: readonly number[], rows: number, batch: number): number {
  const [first = 1] = shape;
  if (rows === batch) return count(shape);
  return first % batch === 0 ? (count(shape) / batch) * rows : 0;
}

/** The errors of one output over all inputs. */
class ErrorTally {
  readonly #output: ManifestOutput;
  #problem: string | null = null;
  #count = 0;
  #sum = 0;
  #squares = 0;
  #errors = 0;
  #largest = 0;

  constructor(output: ManifestOutput) {
    this.#output = output;
  }

  add(expected: Outputs, actual: Outputs, { rows, tensor }: CheckInput): void {
    const { name } = this.#output;
    const [r, a] = [expected.get(name), actual.get(name)];
    if (r === undefined || a === undefined || String(r.shape) !== String(a.shape))
      this.#problem ??= a === undefined ? "the model lacks it" : "it has another shape than the reference";
    else this.#addNumbers(numbersOf(r), numbersOf(a), ownNumbers(r.shape, rows, tensor.shape[0] ?? rows));
  }

  #addNumbers(r: ArrayLike<number>, a: ArrayLike<number>, length: number): void {
    for (let i = 0; i < length; i++) {
      const value = r[i] ?? NaN;
      const error = Math.abs((a[i] ?? NaN) - value);
      this.#sum += value;
      this.#squares += value * value;
      this.#errors += error * error;
      // A comparison with NaN is false: NaN is caught here and stays.
      if (!(error <= this.#largest)) this.#largest = error;
    }
    this.#count += length;
    if (!Number.isFinite(this.#squares)) this.#problem ??= referenceNotFinite;
    else if (!Number.isFinite(this.#largest)) this.#problem ??= "it holds values that are not finite";
  }

  verdict(maxError: number): OutputVerdict {
    const { name, dtype } = this.#output;
    if (this.#count === 0)
      this.#problem ??= "its rows do not divide among pictures, and fewer than a batch are there to check it";
    const mean = this.#sum / this.#count;
    const std = Math.sqrt(Math.max(0, this.#squares / this.#count - mean * mean));
    const rms = Math.sqrt(this.#errors / this.#count);
    const ratio = (error: number): number => (error === 0 ? 0 : error / std);
    const measured = <T>(value: T): T | null => (this.#problem === null ? value : null);
    return {
      name,
      dtype,
      max_abs_error: measured(this.#largest),
      error_of_std: measured(finite(ratio(this.#largest))),
      rms_of_std: measured(finite(ratio(rms))),
      budget_used: measured(finite(ratio(rms) / maxError)),
      budget_moved: null,
      budget: { of_std: maxError, of_absmax: 0 },
      worst_input: "",
      passed: this.#problem === null && ratio(rms) <= maxError,
      problem: this.#problem,
    };
  }
}

const finite = (n: number): number | null => (Number.isFinite(n) ? n : null);

/** How often the class with the greatest logit is the same. */
class TopTally {
  readonly #name: string | undefined;
  #images = 0;
  #same = 0;

  constructor({ outputs, num_classes }: Manifest) {
    this.#name = num_classes > 1 ? outputs.find((o) => o.name === "logits" && o.shape.length === 2)?.name : undefined;
  }

  add(expected: Outputs, actual: Outputs, { rows }: CheckInput): void {
    if (this.#name === undefined) return;
    const [r, a] = [expected.get(this.#name), actual.get(this.#name)];
    const [, classes = 0] = r?.shape ?? [];
    if (r === undefined || a === undefined || String(r.shape) !== String(a.shape)) return;
    const [x, y] = [numbersOf(r), numbersOf(a)];
    for (let row = 0; row < rows; row++) {
      this.#images++;
      if (greatest(x, row * classes, classes) === greatest(y, row * classes, classes)) this.#same++;
    }
  }

  agreement(inputs: "pictures" | "synthetic"): Certificate["agreement"] {
    if (this.#images === 0) return null;
    return { inputs, images: this.#images, top1: this.#same / this.#images };
  }
}

function greatest(values: ArrayLike<number>, from: number, length: number): number {
  let best = 0;
  for (let i = 1; i < length; i++) if ((values[from + i] ?? NaN) > (values[from + best] ?? NaN)) best = i;
  return best;
}
