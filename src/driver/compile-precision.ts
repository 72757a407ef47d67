import { TimmcError } from "../ir/error.ts";
import type { Graph } from "../ir/graph.ts";
import { loadOrt } from "../runtime/ort.ts";
import type { Certificate } from "./certificate.ts";
import type { CompileRequest } from "./compile.ts";
import type { Manifest } from "./manifest.ts";
import { targetOf } from "./target/targets.ts";
import { certifyPrecision, maxErrorOf } from "./verify-precision.ts";
import type { OpenedWeights } from "./weights.ts";

/**
 * Measures an artifact below float32 whose files are written and whose manifest is not, so that what loses too much never
 * becomes an artifact. Throws `numeric` with the worst output, `dependency` without onnxruntime-node.
 */
export async function requirePrecision(
  folder: string,
  request: CompileRequest,
  manifest: Manifest,
  { graph, weights }: { readonly graph: Graph; readonly weights: OpenedWeights },
): Promise<Certificate> {
  const { parameters } = weights;
  const { out, calibration, signal, progress = () => {} } = request;
  const target = targetOf(request);
  const [ort, runtime] = [await loadOrt(), await target.load()];
  const { opset } = target.comparedIn(manifest);
  const certificate = await certifyPrecision(
    { folder, manifest, manifestSha256: "", certificate: undefined },
    { graph, runner: { ort, parameters, opset, ops: "standard", signal }, runtime, calibration, progress },
  );
  if (certificate.passed) return certificate;
  throw precisionRefusal(manifest, certificate).within(out);
}

/** Throws `config` where a calibration was made with other weights: its ranges are theirs. */
export function requireCalibratedWeights({ calibration }: CompileRequest, sha256: string | null): void {
  if (calibration === undefined || calibration.weightsSha256 === sha256) return;
  throw new TimmcError("config", "the calibration was made with other weights: its ranges are those of theirs", {
    hint: "Calibrate again with the weights of this compile: timmc calibrate MODEL PICTURES... -o FILE.",
  });
}

/** What a user should know of an artifact that loses too much. */
function precisionRefusal(manifest: Manifest, { outputs, agreement }: Certificate): TimmcError {
  const [worst] = outputs.toSorted((a, b) => (b.budget_used ?? Infinity) - (a.budget_used ?? Infinity));
  const { precision } = manifest.target;
  const allowed = maxErrorOf(manifest);
  const error = worst?.rms_of_std ?? null;
  const what =
    error === null
      ? `${worst?.name ?? "an output"}: ${worst?.problem ?? "its error is no number"}`
      : `${worst?.name ?? ""} errs by ${error.toPrecision(2)} of its standard deviation (RMS), and ${allowed} is allowed`;
  const top =
    agreement === null || agreement === undefined ? "" : `; top-1 agreement ${(100 * agreement.top1).toFixed(1)} %`;
  return new TimmcError("numeric", `--precision ${precision ?? "fp32"} loses too much: ${what}${top}`, {
    hint: "Calibrate on more pictures of the kind that the model will see, take another precision, or allow more with --max-error.",
  });
}
