import { createHash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { z } from "zod";
import { messageOf } from "../../ir/caught.ts";
import { TimmcError } from "../../ir/error.ts";
import { count } from "../../ir/type.ts";
import type { Range } from "../../passes/precision/calibration.ts";
import { readBounded } from "../../runtime/read-file.ts";
import type { CalibrationFile } from "./calibration-file.ts";
import { calibratedPrecisions, methods } from "./method.ts";

/** The version of the file. A field that changes its meaning takes a new one. */
const calibrationVersion = 1;

/** Of a file: a hundred thousand ranges and the largest check pictures. */
const maxFileBytes = 128 * 2 ** 20;
/** What check pictures take together, and what a single one may take. */
export const maxCheckBytes = 6 * 2 ** 20;
export const maxPictureBytes = 64 * 2 ** 20;

const extent = z.int().min(1).max(65_536);
const finite = z.number();
const name = z.string().min(1).max(1000);
const sha256 = z.string().regex(/^[\da-f]{64}$/);

const calibrationSchema = z.strictObject({
  calibration_version: z.literal(calibrationVersion),
  model: z.strictObject({
    architecture: name,
    tag: z.string().max(1000).nullable(),
    /** Of the weight file; null where there was none. */
    weights_sha256: sha256.nullable(),
    input_size: z.tuple([extent, extent, extent]),
  }),
  /** What it is for: an int8 file serves fp16, and not the other way round. */
  precision: z.enum(calibratedPrecisions),
  method: z.enum(methods),
  percentile: z.number().gt(50).max(100).nullable(),
  /** Pictures that the ranges are of. */
  images: z.int().min(1),
  graph: sha256,
  /** The least and greatest number seen, and the ends of what eight bits span. */
  ranges: z.record(name, z.tuple([finite, finite, finite, finite])),
  float: z.array(name).max(100_000),
  check: z.strictObject({
    /** Files without their folders. */
    names: z.array(z.string().min(1).max(1000)).min(1).max(100_000),
    /** u8 [pictures, channels, height, width], deflated and in base64. */
    pixels: z.string(),
  }),
});
type Stored = z.infer<typeof calibrationSchema>;

/** What is written beside the ranges and pictures. */
type CalibrationFacts = Omit<Stored, "calibration_version" | "ranges" | "check" | "float"> & {
  readonly float: readonly string[];
};

/** The file's text. The same measurements give the same bytes. */
export function calibrationText(
  facts: CalibrationFacts,
  ranges: Readonly<Record<string, Range>>,
  check: readonly { readonly name: string; readonly pixels: Uint8Array }[],
): string {
  const { model, precision, method, percentile, images, graph, float } = facts;
  const stored: Stored = {
    calibration_version: calibrationVersion,
    model,
    precision,
    method,
    percentile,
    images,
    graph,
    ranges: Object.fromEntries(
      Object.entries(ranges).map(([key, { min, max, low, high }]) => [key, [min, max, low, high]]),
    ),
    float: [...float],
    check: {
      names: check.map((picture) => picture.name),
      pixels: deflateRawSync(Buffer.concat(check.map(({ pixels }) => pixels)), { level: 9 }).toString("base64"),
    },
  };
  return `${JSON.stringify(stored)}\n`;
}

/** Reads what `calibrate` wrote. Throws `io` for a file that is none, `unsupported` for one of another version. */
export function readCalibration(path: string): CalibrationFile {
  const refused = (what: string, cause?: unknown): TimmcError =>
    new TimmcError("io", `this is no calibration file: ${what}`, {
      trail: [path],
      hint: "timmc calibrate writes one.",
      cause,
    });
  const bytes = readBounded(path, maxFileBytes);
  const value = parsed(bytes, refused);
  const version =
    typeof value === "object" && value !== null && "calibration_version" in value ? value.calibration_version : "";
  if (typeof version === "number" && version !== calibrationVersion)
    throw new TimmcError("unsupported", `the file has version ${version}; this timmc reads ${calibrationVersion}`, {
      trail: [path],
      hint: "Calibrate again with timmc calibrate.",
    });
  const { success, data, error } = calibrationSchema.safeParse(value);
  if (!success) {
    const [issue] = error.issues;
    throw refused(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`, error);
  }
  return {
    sha256: createHash("sha256").update(bytes).digest("hex"),
    weightsSha256: data.model.weights_sha256,
    calibration: { precision: data.precision, graph: data.graph, ranges: rangesOf(data, refused), float: data.float },
    inputSize: data.model.input_size,
    pictures: picturesIn(data, refused),
  };
}

type Refused = (what: string, cause?: unknown) => TimmcError;

function parsed(bytes: Uint8Array, refused: Refused): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch (error) {
    throw refused(messageOf(error), error);
  }
}

function rangesOf({ ranges }: Stored, refused: Refused): Readonly<Record<string, Range>> {
  const entries = Object.entries(ranges).map(([key, [min, max, low, high]]) => {
    if (!(min <= low && low <= high && high <= max)) throw refused(`ranges.${key}: its numbers are not in order`);
    return [key, { min, max, low, high }] as const;
  });
  return Object.fromEntries(entries);
}

/** The bytes are counted before they are inflated, and no more than these are. */
function picturesIn({ model, check }: Stored, refused: Refused): Uint8Array[] {
  const each = count(model.input_size);
  const all = each * check.names.length;
  if (each > maxPictureBytes || (check.names.length > 1 && all > maxCheckBytes))
    throw refused(`check: its pictures have ${all} bytes`);
  const bytes = inflated(Buffer.from(check.pixels, "base64"), all, refused);
  return check.names.map((_, i) => bytes.subarray(i * each, (i + 1) * each));
}

function inflated(deflated: Uint8Array, length: number, refused: Refused): Uint8Array {
  try {
    const bytes = inflateRawSync(deflated, { maxOutputLength: length });
    if (bytes.length === length) return bytes;
    throw refused(`check.pixels: ${bytes.length} bytes in the place of ${length}`);
  } catch (error) {
    throw error instanceof TimmcError ? error : refused(`check.pixels: ${messageOf(error)}`, error);
  }
}
