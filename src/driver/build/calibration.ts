import { createHash, randomBytes } from "node:crypto";
import { existsSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { HubAccess } from "../../frontend/hub/model.ts";
import { makeFolder } from "../../frontend/make-folder.ts";
import { TimmcError } from "../../ir/error.ts";
import { canonicalText } from "../cache/canonical.ts";
import { type RequestKey, requestKey } from "../cache/key.ts";
import { calibrate } from "../calibrate/calibrate.ts";
import type { CalibrationFile } from "../calibrate/calibration-file.ts";
import { readCalibration } from "../calibrate/read-calibration.ts";
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

/** A calibration that a variant is to have of pictures. */
interface WantedCalibration {
  readonly path: string;
  readonly isMade: boolean;
  readonly pictures: readonly string[];
  /** Of the network before its precision. */
  readonly graph: RequestKey;
}

/** What is known of a calibration by pictures before it is made; undefined where there is none to make. Throws TimmcError. */
export async function wantedCalibration(
  request: VariantRequest,
  access: HubAccess,
): Promise<WantedCalibration | undefined> {
  const { calibration: source } = request;
  if (source === undefined || "file" in source) return undefined;
  const pictures = picturesOf([source.images]);
  const graph = await requestKey({ ...graphOf(request), ...access, out: "" });
  if (graph === undefined) throw new TimmcError("invalid-ir", "a variant has a key");
  const named = canonicalText({
    graph: graph.key,
    measured: measuredFor(request),
    pictures: await hashFiles(pictures, access),
  });
  const path = join(source.into, `${createHash("sha256").update(named).digest("hex").slice(0, 32)}.json`);
  return { path, isMade: existsSync(path), pictures, graph };
}

/** What a calibration depends on: neither the batch nor what comes of the precision. */
function graphOf(request: VariantRequest): Omit<VariantRequest, "calibration"> {
  const { calibration: _, precision: __, maxError: ___, layout: ____, batch: _____, ...graph } = request;
  return graph;
}

/** Eight bits are measured node by node too; for the rest ranges and pictures are all. */
const measuredFor = ({ precision }: VariantRequest): "int8" | "fp16" => (precision === "int8" ? "int8" : "fp16");

/**
 * The calibration of a variant: that of its file, or one made of pictures for its graph and kept for all variants that have
 * it. Ranges differ in their last bits from processor to processor, and the same file gives the same bytes of an artifact
 * everywhere: the first that is complete stays. Throws TimmcError.
 */
export async function calibrationOf(
  request: VariantRequest,
  wanted: WantedCalibration | undefined,
  access: HubAccess,
): Promise<CalibrationFile | undefined> {
  const { calibration: source } = request;
  if (source !== undefined && "file" in source) return readCalibration(source.file);
  if (wanted === undefined) return undefined;
  const { path, isMade, pictures } = wanted;
  if (!isMade) {
    makeFolder(dirname(path));
    access.progress?.(`calibrating on ${pictures.length} pictures`);
    const out = `${path}.${randomBytes(6).toString("hex")}.tmp`;
    try {
      await calibrate({ ...graphOf(request), ...access, precision: measuredFor(request), pictures, out });
      if (!existsSync(path)) renameSync(out, path);
    } finally {
      rmSync(out, { force: true });
    }
  }
  return readCalibration(path);
}
