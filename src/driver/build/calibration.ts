import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { HubAccess } from "../../frontend/hub/model.ts";
import { makeFolder } from "../../frontend/make-folder.ts";
import { TimmcError } from "../../ir/error.ts";
import { canonicalText } from "../cache/canonical.ts";
import { requestKey } from "../cache/key.ts";
import { calibrate } from "../calibrate/calibrate.ts";
import type { CalibrationFile } from "../calibrate/calibration-file.ts";
import { readCalibration } from "../calibrate/file.ts";
import { picturesOf } from "../calibrate/pictures.ts";
import { hashFiles } from "../hash-file.ts";
import type { VariantRequest } from "./requests.ts";
import type { CalibrationChoice } from "./variant.ts";

/** Where a variant's calibration comes from: a file, or pictures and the folder that holds what was made of them. */
export type CalibrationSource = { readonly file: string } | { readonly images: string; readonly into: string };

/** Beside the configuration: what its builds measured, to be kept with it as the lock file is. */
const madeHere = "timmc.calibration";

/** The source of a choice, whose paths start from `folder`. */
export const calibrationSource = (choice: CalibrationChoice, folder: string): CalibrationSource =>
  typeof choice === "string"
    ? { file: resolve(folder, choice) }
    : { images: resolve(folder, choice.images), into: join(folder, madeHere) };

/**
 * The calibration of a variant: that of its file, or one made of pictures for its graph, once for all variants that have
 * it. What is made is kept: ranges differ in their last bits from processor to processor, and the same file gives the same
 * bytes of an artifact everywhere. Throws TimmcError.
 */
export async function calibrationOf(request: VariantRequest, watch: HubAccess): Promise<CalibrationFile | undefined> {
  const { calibration: source, precision, maxError: _, layout: __, ...graph } = request;
  if (source === undefined || "file" in source) return source && readCalibration(source.file);
  const pictures = picturesOf([source.images]);
  const keyed = await requestKey({ ...graph, ...watch, batch: undefined, out: "" });
  if (keyed === undefined) throw new TimmcError("invalid-ir", "a variant has a key");
  // Eight bits are measured node by node too; for the rest ranges and pictures are all.
  const measured = precision === "int8" ? "int8" : "fp16";
  const text = canonicalText({ graph: keyed.key, measured, pictures: await hashFiles(pictures, watch) });
  const path = join(source.into, `${createHash("sha256").update(text).digest("hex").slice(0, 32)}.json`);
  if (!existsSync(path)) {
    makeFolder(source.into);
    watch.progress?.(`calibrating on ${pictures.length} pictures`);
    await calibrate({ ...graph, ...watch, precision: measured, pictures, out: path });
  }
  return readCalibration(path);
}
