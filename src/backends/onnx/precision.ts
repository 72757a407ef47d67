import { TimmcError } from "../../ir/error.ts";
import type { Pipeline } from "../../passes/pass.ts";
import { halfPrecision } from "../../passes/precision/half.ts";
import type { Calibration } from "../../passes/precision/calibration.ts";
import type { Precision } from "../../passes/precision/precision.ts";
import type { Forms } from "./forms.ts";

/** The passes that change what numbers are kept in, behind all others. Throws `usage` where they need a calibration. */
export function precisionPasses(precision: Precision, calibration: Calibration | undefined, forms: Forms): Pipeline {
  if (precision === "fp32") return [];
  if (precision === "fp16") return [halfPrecision(calibration)];
  void calibration;
  void forms;
  throw new TimmcError("usage", `--precision ${precision} of the target onnx is not in this version of timmc`);
}
