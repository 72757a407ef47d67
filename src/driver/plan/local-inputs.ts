import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { readLocalDir } from "../../frontend/local-dir.ts";
import { parseReference } from "../../frontend/reference.ts";
import { shardFiles } from "../../frontend/weights/sharded.ts";
import { TimmcError } from "../../ir/error.ts";
import type { VariantFields } from "../build/variant.ts";

/**
 * The local files that a variant is made of beside its configuration, absolute: a change to one of them changes the artifact.
 * Of weights that are missing or damaged none: what is wrong of them is for the build to say.
 */
export function localInputs({ model, weights = "pretrained", calibration }: VariantFields, folder: string): string[] {
  const local = localModel(model, folder);
  return [
    ...(local === undefined ? [] : [join(local.path, "config.json")]),
    ...(weights === "pretrained" && local?.weightsFile !== undefined ? weightFiles(local.weightsFile) : []),
    ...(typeof weights === "string" ? [] : weightFiles(resolve(folder, weights.file))),
    ...(calibration === undefined ? [] : [resolve(folder, pathOf(calibration))].filter((path) => existsSync(path))),
  ];
}

const pathOf = (calibration: NonNullable<VariantFields["calibration"]>): string =>
  typeof calibration === "string" ? calibration : calibration.images;

function localModel(
  model: string,
  folder: string,
): { readonly path: string; readonly weightsFile: string | undefined } | undefined {
  const reference = parseReference(model);
  if (reference.kind !== "local-dir") return undefined;
  return orNone(() => readLocalDir(resolve(folder, reference.path)));
}

/** A file of weights; of an index also the files that it names. */
function weightFiles(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  return path.endsWith(".json") ? (orNone(() => shardFiles(path)) ?? [path]) : [path];
}

function orNone<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch (error) {
    if (error instanceof TimmcError) return undefined;
    throw error;
  }
}
