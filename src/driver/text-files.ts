import { join } from "node:path";
import { writeWhole } from "./artifact-files.ts";
import type { Manifest, ManifestFile } from "./manifest.ts";
import { targetOf } from "./target/targets.ts";

/**
 * Writes the small files of an artifact, which are written when the rest of it is known, for a manifest that does not list
 * them yet, and says what it lists of them.
 */
export const writeTexts = (stage: string, manifest: Manifest): ManifestFile[] =>
  Object.entries(targetOf(manifest.target).texts(manifest)).map(([path, text]) => {
    const { byteLength, sha256 } = writeWhole(join(stage, path), text);
    return { path, bytes: byteLength, sha256 };
  });
