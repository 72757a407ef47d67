import { type Forms, type OperatorSet, defaultForms } from "../backends/onnx/forms.ts";
import { supportedOpsets } from "../backends/onnx/model.ts";
import { TimmcError } from "../ir/error.ts";
import type { Tile } from "../backends/kernel/table.ts";
import type { Precision } from "../passes/precision/precision.ts";
import type { CalibrationFile } from "./calibrate/calibration-file.ts";
import type { TargetName } from "./target/names.ts";

/** What an artifact is made of, as a request says it. */
export interface FormRequest {
  /** Default `onnx`; the other keys are of this target alone. */
  readonly target?: TargetName | undefined;
  /** The version of the standard operator set; default 17, under a dynamic size 18. */
  readonly opset?: number | undefined;
  /** The standard's operators alone, or ONNX Runtime's own too; default `standard`. */
  readonly onnxOps?: OperatorSet | undefined;
  /** What numbers are kept in that the caller does not see; default `fp32`. Kernels take `fp32` and `fp16`. */
  readonly precision?: Precision | undefined;
  /** Of ONNX: what was measured of pictures, for a precision below float32. */
  readonly calibration?: CalibrationFile | undefined;
  /** Of kernels: tiles that were measured, by the shape that they are for. */
  readonly tiles?: Readonly<Record<string, Tile>> | undefined;
}

/** The default under a dynamic size: tables of positions are resampled with antialiasing, which Resize has from here on. */
export const dynamicSizeOpset = 18;

/** The forms of a request, defaults filled in. Throws `usage` for an operator set that timmc does not write. */
export function formsOf({ opset = defaultForms.opset, onnxOps = defaultForms.ops }: FormRequest): Forms {
  if (supportedOpsets.includes(opset)) return { opset, ops: onnxOps };
  throw new TimmcError("usage", `ONNX operator set ${opset} is not one that timmc writes`, {
    hint: `Use --opset ${supportedOpsets[0]} to ${supportedOpsets.at(-1)}.`,
  });
}
