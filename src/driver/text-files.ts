import { join } from "node:path";
import { removeFiles, writeWhole } from "./artifact-files.ts";
import type { Manifest, ManifestFile } from "./manifest.ts";
import { targetOf } from "./target/targets.ts";

/**
 * Writes the small files of an artifact, which are written when the rest of it is known, for a manifest that does not list
 * them yet, and says what it lists of them; after a failure none is there.
 */
export function writeTexts(folder: string, manifest: Manifest): ManifestFile[] {
  const texts = targetOf(manifest.target).texts(manifest);
  try {
    return Object.entries(texts).map(([path, text]) => {
      const { byteLength, sha256 } = writeWhole(join(folder, path), text);
      return { path, bytes: byteLength, sha256 };
    });
  } catch (error) {
    removeFiles(
      folder,
      Object.keys(texts).map((path) => ({ path })),
    );
    throw error;
  }
}
