import { resolve } from "node:path";
import { formatReference, parseReference } from "../../frontend/reference.ts";
import type { CompileRequest } from "../compile.ts";
import { type CalibrationSource, calibrationSource } from "./calibration.ts";
import type { VariantFields } from "./variant.ts";

/** A request for one variant, but for where it goes and who follows it. */
export type VariantRequest = Omit<
  CompileRequest,
  "out" | "observers" | "signal" | "progress" | "note" | "cacheDir" | "calibration"
> & { readonly calibration?: CalibrationSource };

/** What `compile` takes for a variant. Paths of the configuration start from `folder`. Throws TimmcError. */
export function compileRequestOf(fields: VariantFields, folder: string): VariantRequest {
  const { inputSize = "default", calibration, weights, model, ...rest } = fields;
  return {
    ...rest,
    model: located(model, folder),
    ...(weights !== undefined && { weights: typeof weights === "string" ? weights : fileIn(weights, folder) }),
    ...(inputSize === "test" && { useTestSize: true }),
    ...(typeof inputSize === "object" && inputSize.length === 3 && { inputSize }),
    ...(calibration !== undefined && { calibration: calibrationSource(calibration, folder) }),
  };
}

/** A reference whose folder is found from anywhere. */
function located(model: string, folder: string): string {
  const reference = parseReference(model);
  return reference.kind === "local-dir"
    ? formatReference({ ...reference, path: resolve(folder, reference.path) })
    : model;
}

const fileIn = ({ file }: { readonly file: string }, folder: string): { readonly file: string } => ({
  file: resolve(folder, file),
});
