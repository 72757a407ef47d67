import { TimmcError } from "../../ir/error.ts";
import type { Pipeline } from "../../passes/pass.ts";
import { halfPrecision } from "../../passes/precision/half.ts";
import type { Calibration } from "../../passes/precision/calibration.ts";
import type { Precision } from "../../passes/precision/precision.ts";
import { quantizeStatic } from "../../passes/precision/static.ts";
import { passOf } from "../../passes/rewriting.ts";
import { quantizePastRectifier } from "../../passes/rules/quantize-past-rectifier.ts";
import { cse } from "../../passes/whole-graph/cse.ts";
import type { Forms } from "./forms.ts";

/** The passes that change what numbers are kept in, behind all others. Throws `usage` where they need a calibration. */
export function precisionPasses(precision: Precision, calibration: Calibration | undefined, forms: Forms): Pipeline {
  switch (precision) {
    case "fp32":
      return [];
    case "fp16":
      return [halfPrecision(calibration)];
    case "int8":
      return [quantizeStatic(given(calibration, forms)), passOf(quantizePastRectifier), cse];
    default:
      throw new TimmcError("usage", `--precision ${precision} of the target onnx is not in this version of timmc`);
  }
}

/**
 * ONNX Runtime's own FusedConv hides what convolutions give before their activation, which eight bits must round; what it
 * fuses in float32 it has no form for in integers.
 */
function given(calibration: Calibration | undefined, { ops }: Forms): Calibration {
  if (ops === "ort")
    throw new TimmcError("usage", "--precision int8 takes the standard's operators, which ONNX Runtime fuses itself", {
      hint: "Leave --onnx-ops ort out, here and where you calibrate.",
    });
  if (calibration !== undefined) return calibration;
  throw new TimmcError("usage", "--precision int8 needs the ranges of the network's numbers", {
    hint: "Measure them with timmc calibrate MODEL PICTURES... -o FILE, and give --calibration FILE.",
  });
}
