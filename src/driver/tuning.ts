import { z } from "zod";
import type { Tile } from "../backends/kernel/table.ts";
import { messageOf } from "../ir/caught.ts";
import { TimmcError } from "../ir/error.ts";
import { readBounded } from "../runtime/read-file.ts";
import { tileSchema } from "./tile-schema.ts";

/** The version of the file. A field that changes its meaning takes a new one. */
export const tuningVersion = 1;

const maxTuningBytes = 16 * 2 ** 20;
const milliseconds = z.number().min(0);

/** What `tune` writes: of one device, the best tile for each shape of a kernel that was measured on it. */
const tuningSchema = z.strictObject({
  tuning_version: z.literal(tuningVersion),
  target: z.literal("webgpu"),
  device: z.string().min(1).max(1000),
  shapes: z.record(
    z.string().min(1).max(1000),
    z.strictObject({ tile: tileSchema, ms: milliseconds, default_ms: milliseconds }),
  ),
});
export type Tuning = z.infer<typeof tuningSchema>;

/** Throws `io` for a file that is none, `unsupported` for one of another version. */
export function readTuning(path: string): Tuning {
  const refused = (what: string, cause?: unknown): TimmcError =>
    new TimmcError("io", `this is no tuning file: ${what}`, {
      trail: [path],
      hint: "timmc tune writes one.",
      cause,
    });
  const value = parsed(path, refused);
  const version = typeof value === "object" && value !== null && "tuning_version" in value ? value.tuning_version : "";
  if (typeof version === "number" && version !== tuningVersion)
    throw new TimmcError("unsupported", `the file has version ${version}; this timmc reads ${tuningVersion}`, {
      trail: [path],
      hint: "Measure again with timmc tune.",
    });
  const { success, data, error } = tuningSchema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  throw refused(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`, error);
}

function parsed(path: string, refused: (what: string, cause: unknown) => TimmcError): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(readBounded(path, maxTuningBytes))) as unknown;
  } catch (error) {
    throw error instanceof TimmcError ? error : refused(messageOf(error), error);
  }
}

/** The tile of each shape. */
export const tilesIn = ({ shapes }: Tuning): Readonly<Record<string, Tile>> =>
  Object.fromEntries(Object.entries(shapes).map(([shape, { tile }]) => [shape, tile]));

/** The file's text: shapes in the order of their names, whatever was measured first. */
export function tuningText({ shapes, ...head }: Tuning): string {
  const sorted = Object.entries(shapes).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify({ ...head, shapes: Object.fromEntries(sorted) }, undefined, 2)}\n`;
}
