import { z } from "zod";
import { maxJsonBytes } from "../artifact-files.ts";
import { relativePath, sha256 } from "../manifest-schema.ts";

/** The version of an entry's layout. Another one lies in folders of other names: who prunes must read every entry. */
const entryVersion = 1;

/** Files of an artifact, and segments of a file. */
const [maxFiles, maxSegments] = [10_000, 1_000_000];

const segment = z.strictObject({ sha256, bytes: z.int().min(1) });

const entry = z.strictObject({
  entry_version: z.literal(entryVersion),
  key: sha256,
  manifest: z.string().max(maxJsonBytes).describe("manifest.json as it was written"),
  files: z
    .array(z.strictObject({ path: relativePath, segments: z.array(segment).max(maxSegments) }))
    .max(maxFiles)
    .describe("the manifest's files in its order; each is its segments, one after another"),
  certificate: z.string().max(maxJsonBytes).nullable().describe("certificate.json as verify wrote it"),
});

/** entries/ab/KEY.json: what an artifact is made of. `sha256` is that of the text of `entry`. */
export const entryFileSchema = z.strictObject({ sha256, entry });
