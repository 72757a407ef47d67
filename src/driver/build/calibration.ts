import { TimmcError } from "../../ir/error.ts";
import type { VariantFields } from "./variant.ts";

/** Precisions that read what a network's tensors hold. */
const calibrated: readonly string[] = ["fp16", "int8"];

/** Whether a calibration makes a difference to a variant. */
export const takesCalibration = ({ target = "onnx", precision = "fp32" }: VariantFields): boolean =>
  target === "onnx" && calibrated.includes(precision);

/**
 * The calibration file of a variant: that of its configuration, or one made for its model from a folder of pictures.
 * Paths are relative to `folder`. Throws TimmcError.
 */
export async function calibrationOf(fields: VariantFields, folder: string): Promise<{ readonly calibration?: string }> {
  if (fields.calibration === undefined) return {};
  throw new TimmcError("unsupported", "calibration is not in this version of timmc", {
    trail: [folder],
    hint: "Leave calibration out.",
  });
}
