import { join } from "node:path";
import { removeFiles, writeWhole } from "./artifact-files.ts";
import { clientNames, clientTexts } from "./client/client.ts";
import type { Layout } from "./layout/layout.ts";
import { transformersNames, transformersTexts } from "./layout/transformers-js.ts";
import type { Manifest, ManifestFile } from "./manifest.ts";

/** The small files of an artifact, which are written when the rest of it is known. */
export const textNames: { readonly [L in Layout]: readonly string[] } = {
  plain: clientNames,
  "transformers-js": [...clientNames, ...transformersNames],
};

/** Writes them for a manifest that does not list them yet, and says what it lists of them; after a failure none is there. */
export function writeTexts(folder: string, manifest: Manifest): ManifestFile[] {
  const { layout } = manifest.target;
  const texts = { ...clientTexts(manifest), ...(layout === "transformers-js" && transformersTexts(manifest)) };
  try {
    return Object.entries(texts).map(([path, text]) => {
      const { byteLength, sha256 } = writeWhole(join(folder, path), text);
      return { path, bytes: byteLength, sha256 };
    });
  } catch (error) {
    removeTexts(folder, layout);
    throw error;
  }
}

export const removeTexts = (folder: string, layout: Layout): void =>
  removeFiles(
    folder,
    textNames[layout].map((path) => ({ path })),
  );
