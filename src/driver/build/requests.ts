import { resolve } from "node:path";
import { formatReference, parseReference } from "../../frontend/reference.ts";
import type { CompileRequest } from "../compile.ts";
import { calibrationOf } from "./calibration.ts";
import type { VariantFields } from "./variant.ts";

/** A request for one variant, but for where it goes and who follows it. */
export type VariantRequest = Omit<CompileRequest, "out" | "observers" | "signal" | "progress" | "note" | "cacheDir">;

/** What `compile` takes for a variant. Paths of the configuration start from `folder`. Throws TimmcError. */
export async function compileRequestOf(fields: VariantFields, folder: string): Promise<VariantRequest> {
  const { inputSize = "default", calibration: _, weights, model, ...rest } = fields;
  return {
    ...rest,
    model: located(model, folder),
    ...(weights !== undefined && { weights: typeof weights === "string" ? weights : fileIn(weights, folder) }),
    ...(inputSize === "test" && { useTestSize: true }),
    ...(typeof inputSize === "object" && inputSize.length === 3 && { inputSize }),
    ...(await calibrationOf(fields, folder)),
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
