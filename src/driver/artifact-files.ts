import { existsSync, readdirSync, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { HashingFileSink, type WrittenFile } from "../backends/file-sink.ts";
import { messageOf } from "../ir/caught.ts";
import { TimmcError } from "../ir/error.ts";
import { readBounded } from "../runtime/read-file.ts";
import type { Certificate } from "./certificate.ts";
import type { Manifest } from "./manifest.ts";
import { isAbandoned, ownedName } from "./owned-name.ts";
import { makeFolder } from "../frontend/make-folder.ts";

export const manifestName = "manifest.json";
export const certificateName = "certificate.json";

/** Of a manifest or certificate; far above the labels of 22,000 classes. */
export const maxJsonBytes = 16 * 2 ** 20;

const anotherFolder = "choose another folder with -o";

/** In a folder whose artifact is being put in its place: the names of its small files, which are its own also after a kill. */
const begunName = ".timmc-begun";

/** Where an artifact comes about, inside of its folder; the name of whoever makes it follows. */
const stagePrefix = ".timmc-stage-";

/** What an artifact's files are called: its weights where they may lie beside the model, and those that projects have of their own. */
export interface ArtifactNames {
  readonly model: string;
  readonly data?: string | undefined;
  readonly texts: readonly string[];
}

/**
 * Makes an artifact in a folder inside of its own, and puts its files in their places when all of them are there, the manifest
 * last: an older artifact stays until then, and whatever fails leaves the folder as it was. Nothing of the folder goes but
 * what an older manifest lists; a manifest that is not timmc's is refused, and so are files called as the artifact's small
 * ones, unless a run that was killed left them: a project has an index.js of its own. `make` writes into the stage.
 */
export async function stageArtifact<T>(
  folder: string,
  names: ArtifactNames,
  make: (stage: string) => Promise<T>,
): Promise<T> {
  const stage = join(folder, `${stagePrefix}${ownedName()}`);
  await attempt(folder, async () => {
    makeFolder(folder);
    sweep(folder);
    requirePlace(folder, names, await filesOfOld(folder));
    makeFolder(dirname(join(stage, names.model)));
  });
  try {
    const made = await make(stage);
    await attempt(folder, async () => publish(folder, stage, names, await filesOfOld(folder)));
    return made;
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** Throws `io` where a file of somebody else's has the name of a small one. */
function requirePlace(folder: string, { texts }: ArtifactNames, old: readonly string[] | undefined): void {
  const ours = new Set([...(old ?? []), ...namesBegun(folder)]);
  const foreign = texts.find((name) => !ours.has(name) && existsSync(join(folder, name)));
  if (foreign === undefined) return;
  throw new TimmcError("io", `the output folder has a ${foreign} that is not an artifact's`, {
    trail: [folder],
    hint: anotherFolder,
  });
}

/** From the removal of the older manifest to the renaming of the new one, the folder is no artifact. */
function publish(folder: string, stage: string, names: ArtifactNames, old: readonly string[] | undefined): void {
  requirePlace(folder, names, old);
  const { data, texts } = names;
  writeWhole(join(folder, begunName), JSON.stringify(texts));
  if (old !== undefined)
    for (const name of [manifestName, certificateName, ...old]) rmSync(join(folder, name), { force: true });
  // A model without weights would read those of another.
  if (data !== undefined) rmSync(join(folder, data), { force: true });
  const staged = readdirSync(stage, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(stage, join(entry.parentPath, entry.name)));
  for (const name of [...staged.filter((n) => n !== manifestName), manifestName]) {
    makeFolder(dirname(join(folder, name)));
    renameSync(join(stage, name), join(folder, name));
  }
  rmSync(join(folder, begunName), { force: true });
}

/** Above it, whoever was at work on another machine has gone. */
const dayMs = 24 * 60 * 60 * 1000;

/** Takes away what runs that were killed left. */
function sweep(folder: string): void {
  const now = Date.now();
  for (const name of readdirSync(folder))
    if (name.startsWith(stagePrefix)) {
      const place = join(folder, name);
      const facts = statSync(place, { throwIfNoEntry: false });
      if (facts !== undefined && isAbandoned(name.slice(stagePrefix.length), now - facts.mtimeMs, dayMs))
        rmSync(place, { recursive: true, force: true });
    }
}

async function attempt(folder: string, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (error instanceof TimmcError) throw error;
    throw new TimmcError("io", `cannot write the output folder ${folder}: ${messageOf(error)}`, {
      hint: anotherFolder,
      cause: error,
    });
  }
}

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
