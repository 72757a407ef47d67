import { existsSync, realpathSync, rmSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { HashingFileSink, type WrittenFile } from "../backends/file-sink.ts";
import { messageOf } from "../ir/caught.ts";
import { TimmcError } from "../ir/error.ts";
import { readBounded } from "../runtime/read-file.ts";
import type { Certificate } from "./certificate.ts";
import type { Manifest } from "./manifest.ts";
import { makeFolder } from "../frontend/make-folder.ts";

export const manifestName = "manifest.json";
export const certificateName = "certificate.json";

/** Of a manifest or certificate; far above the labels of 22,000 classes. */
export const maxJsonBytes = 16 * 2 ** 20;

const anotherFolder = "choose another folder with -o";

/** In a folder whose artifact is being written: the names of its small files, which are its own also after a kill. */
const begunName = ".timmc-begun";

/**
 * Makes the folder, and the one in it that `file` goes to, and takes an older artifact away, its manifest first: from
 * here until `finishArtifact` it is not an artifact. Nothing goes but what that manifest lists; a manifest that is not
 * timmc's is refused, and so are files called as the artifact's small ones, `texts`, unless a run that was killed left
 * them: a project has an index.js of its own.
 */
export async function beginArtifact(folder: string, file: string, texts: readonly string[]): Promise<void> {
  try {
    makeFolder(folder);
    const old = await filesOfOld(folder);
    const ours = new Set([...(old ?? []), ...namesBegun(folder)]);
    const foreign = texts.find((name) => !ours.has(name) && existsSync(join(folder, name)));
    if (foreign !== undefined)
      throw new TimmcError("io", `the output folder has a ${foreign} that is not an artifact's`, {
        trail: [folder],
        hint: anotherFolder,
      });
    if (old !== undefined)
      for (const name of [manifestName, certificateName, ...old]) rmSync(join(folder, name), { force: true });
    writeWhole(join(folder, begunName), JSON.stringify(texts));
    makeFolder(dirname(join(folder, file)));
  } catch (error) {
    if (error instanceof TimmcError) throw error;
    throw new TimmcError("io", `cannot write the output folder ${folder}: ${messageOf(error)}`, {
      hint: anotherFolder,
      cause: error,
    });
  }
}

/** Writes the manifest, with which the folder is an artifact. */
export function finishArtifact(folder: string, manifest: string): void {
  writeWhole(join(folder, manifestName), manifest);
  rmSync(join(folder, begunName), { force: true });
}

/** Takes what there is of an artifact that did not come about away. */
export const abandonArtifact = (folder: string, files: readonly { readonly path: string }[] = []): void =>
  removeFiles(folder, [...files, { path: begunName }]);

/** The small files that a run which was killed was about to write. */
function namesBegun(folder: string): readonly unknown[] {
  const names = parseOrNull(join(folder, begunName));
  return Array.isArray(names) ? names : [];
}

/** The files that an older artifact in the folder lists, of those that lie in the folder; undefined where there is none. */
async function filesOfOld(folder: string): Promise<string[] | undefined> {
  const path = join(folder, manifestName);
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const { manifestSchema } = await import("./manifest-schema.ts");
  const ours = manifestSchema.pick({ compiler: true, files: true }).safeParse(parseOrNull(path));
  if (!ours.success)
    throw new TimmcError("io", `the output folder has a ${manifestName} that is not timmc's`, {
      trail: [path],
      hint: anotherFolder,
    });
  const root = realpathSync(folder);
  const inside = root.endsWith(sep) ? root : root + sep;
  return ours.data.files
    .map((file) => file.path)
    .filter((name) => statSync(dirname(join(folder, name)), { throwIfNoEntry: false })?.isDirectory() === true)
    .filter((name) => `${realpathSync(dirname(join(folder, name)))}${sep}`.startsWith(inside));
}

/** What the file says as JSON; null for what is none. */
function parseOrNull(path: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(readBounded(path, maxJsonBytes))) as unknown;
  } catch {
    return null;
  }
}

/** Takes files of an artifact that did not come about away. */
export function removeFiles(folder: string, files: readonly { readonly path: string }[]): void {
  for (const { path } of files) rmSync(join(folder, path), { force: true });
}

/** The text of manifest.json and of certificate.json. */
export const documentText = (document: Manifest | Certificate): string => `${JSON.stringify(document, undefined, 2)}\n`;

/** Writes a whole file under its name at once. */
export function writeWhole(path: string, content: string | Uint8Array): WrittenFile {
  const sink = new HashingFileSink(path);
  try {
    sink.write(typeof content === "string" ? Buffer.from(content) : content);
    return sink.commit();
  } catch (error) {
    sink.abort();
    throw error;
  }
}
