import { precisionPasses } from "../../backends/onnx/precision.ts";
import type { Watch } from "../../backends/write-parts.ts";
import type { PictureInput } from "../../frontend/preprocess/picture-input.ts";
import { requirePictureChannels } from "../../frontend/preprocess/normalization.ts";
import { TimmcError } from "../../ir/error.ts";
import { fingerprint } from "../../passes/precision/fingerprint.ts";
import { runPipeline } from "../../passes/pass.ts";
import type { OptimizationLevel } from "../../passes/presets.ts";
import { loadOrt } from "../../runtime/ort.ts";
import { writeWhole } from "../artifact-files.ts";
import { type FormRequest, formsOf } from "../forms.ts";
import { hashFiles, identityOf } from "../hash-file.ts";
import { type LowerRequest, type LoweredRequest, lowerRequest } from "../lower-request.ts";
import { defaultLevel, pipelineOf } from "../pipeline.ts";
import { type OpenedWeights, type WeightsChoice, openModelWeights, refuseWithheld } from "../weights.ts";
import { calibrationText } from "./read-calibration.ts";
import { type CalibratedPrecision, type Method, defaultMethod, defaultPercentile } from "./method.ts";
import { picturesOf, spread } from "./pictures.ts";
import { type PictureSplit, batchesOf, readPictures, splitPictures } from "./pixels.ts";
import { seenRanges } from "./ranges.ts";
import { type Sensitivity, sensitivity } from "./sensitivity.ts";

export interface CalibrateRequest extends LowerRequest, Pick<FormRequest, "opset" | "onnxOps">, Watch {
  /** Files and folders. */
  readonly pictures: readonly string[];
  /** The calibration file. */
  readonly out: string;
  readonly weights?: WeightsChoice | undefined;
  readonly optimization?: OptimizationLevel | undefined;
  readonly passes?: readonly string[] | null | undefined;
  /** What the file is for, default `int8`: of `fp16` the ops that eight bits hurt are not looked for. */
  readonly precision?: CalibratedPrecision | undefined;
  /** How the range of eight bits is chosen; default `percentile`. */
  readonly method?: Method | undefined;
  /** Of the method `percentile`; default 99.99. */
  readonly percentile?: number | undefined;
  /** So many of the pictures, spread evenly; default all. */
  readonly samples?: number | undefined;
}

export interface CalibrateReport {
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly method: Method;
  readonly percentile: number | null;
  /** Pictures that ranges are of, and those that artifacts are measured on. */
  readonly images: number;
  readonly check: number;
  readonly values: number;
  /** The largest magnitude, and the value that it was seen at. */
  readonly largest: { readonly value: string; readonly magnitude: number };
  readonly precision: CalibratedPrecision;
  /** What int8 leaves in float, and what it loses then; null for fp16. */
  readonly sensitivity: Sensitivity | null;
  readonly notices: readonly string[];
}

/**
 * Runs pictures through the graph that `compile` with the same request gives the passes of a precision, and writes what its
 * values were, with some pictures to check artifacts on. Throws TimmcError; a file that was there before stays whole.
 */
export async function calibrate(request: CalibrateRequest): Promise<CalibrateReport> {
  const { out, signal, progress, precision = "int8", method = defaultMethod, percentile = defaultPercentile } = request;
  const forms = formsOf(request);
  const isEight = precision === "int8";
  // Refuses forms that eight bits do not take before anything is measured.
  if (isEight) precisionPasses("int8", { precision, graph: "", ranges: {}, float: [] }, forms);
  const paths = spread(picturesOf(request.pictures), request.samples ?? Number.POSITIVE_INFINITY);
  refuseNoWeights(request);
  progress?.(`lowering ${request.model}`);
  const lowering = await lowerRequest(request);
  const { lowered, resolved } = lowering;
  requirePictureChannels(resolved.inputSize[0], "Pictures have 1 or 3 channels.");
  const weights = await openModelWeights(request.weights ?? "pretrained", resolved, lowered, request);
  try {
    const identities = weights.files.map(identityOf);
    refuseWithheld(lowered, weights);
    const { graph } = lowered;
    const { optimization = defaultLevel, passes, opset, onnxOps } = request;
    runPipeline(graph, pipelineOf(optimization, passes, { opset, onnxOps }));
    const split = splitPictures(await readPictures(paths, resolved.data, { signal, progress }));
    const runner = { ort: await loadOrt(), parameters: weights.parameters, ...forms, signal };
    const ranges = await seenRanges(runner, graph, {
      ...batchesFor(lowering, split),
      method,
      percentile,
      progress: (text) => progress?.(text),
    });
    const found = isEight
      ? await sensitivity(runner, graph, {
          ...batchesFor(lowering, split),
          forms,
          ranges,
          progress: (text) => progress?.(text),
        })
      : null;
    const facts = {
      precision,
      model: await modelFacts(lowering, weights, { signal, identities }),
      method,
      percentile: method === "percentile" ? percentile : null,
      images: split.ranges.length,
      graph: fingerprint(graph),
      float: found?.float ?? [],
    };
    const { byteLength, sha256 } = writeWhole(out, calibrationText(facts, ranges, split.check));
    return {
      file: out,
      sha256,
      bytes: byteLength,
      method,
      percentile: facts.percentile,
      images: facts.images,
      check: split.check.length,
      values: Object.keys(ranges).length,
      largest: largestOf(ranges),
      precision,
      sensitivity: found,
      notices: [...lowering.notices, ...weights.notices, ...unmet(found)],
    };
  } finally {
    weights.close();
  }
}

function unmet(found: Sensitivity | null): string[] {
  if (found === null || found.met) return [];
  const agreement = found.agreement === null ? "" : `, ${percent(found.agreement)} of the first classes stay`;
  return [
    `int8 loses more than it should, with ${found.left} of ${found.parts} parts in float: its error is ${percent(found.error)} of an output's spread${agreement}`,
  ];
}

const percent = (share: number): string => `${(100 * share).toPrecision(3)} %`;

function refuseNoWeights({ weights }: CalibrateRequest): void {
  if (weights !== "none") return;
  throw new TimmcError("usage", "a network without weights has no ranges", {
    hint: "Choose others: --weights pretrained, synthetic or FILE.",
  });
}

/** A dynamic batch is run one picture at a time, a fixed one full. */
function batchesFor({ request, resolved, preprocess }: LoweredRequest, { ranges }: PictureSplit) {
  const rows = typeof request.batch === "number" ? request.batch : 1;
  const input: PictureInput = { config: resolved.data, normalized: preprocess ? "inside" : "outside" };
  return { rows, count: Math.ceil(ranges.length / rows), batches: () => batchesOf(ranges, input, rows) };
}

const modelFacts = async (
  { resolved: { architecture, tag, inputSize } }: LoweredRequest,
  { files }: OpenedWeights,
  watched: Parameters<typeof hashFiles>[1],
) => ({
  architecture,
  tag: tag === "" ? null : tag,
  weights_sha256: files.length === 0 ? null : await hashFiles(files, watched),
  input_size: [...inputSize] as [number, number, number],
});

function largestOf(ranges: Readonly<Record<string, { readonly min: number; readonly max: number }>>) {
  const all = Object.entries(ranges).map(([value, { min, max }]) => ({ value, magnitude: Math.max(-min, max) }));
  return all.reduce((a, b) => (b.magnitude > a.magnitude ? b : a), { value: "", magnitude: 0 });
}
