import { rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../ir/caught.ts";
import { TimmcError } from "../ir/error.ts";
import { type NpyArray, formatNpy } from "../runtime/npy.ts";
import { writeWhole } from "./artifact-files.ts";
import { makeFolder } from "../frontend/make-folder.ts";

const outputIndexName = "outputs.json";

/** Writes every output as a .npy file, and last outputs.json, which says which file holds which output. */
export function saveOutputs(folder: string, outputs: ReadonlyMap<string, NpyArray>): ReadonlyMap<string, string> {
  const index = join(folder, outputIndexName);
  try {
    makeFolder(folder);
    rmSync(index, { force: true });
  } catch (cause) {
    throw new TimmcError("io", `cannot write the folder: ${messageOf(cause)}`, {
      trail: [folder],
      hint: "Choose another folder with --save.",
      cause,
    });
  }
  const files = fileNames([...outputs.keys()]);
  for (const [name, array] of outputs) writeWhole(join(folder, files.get(name) ?? name), formatNpy(array));
  writeWhole(index, `${JSON.stringify(Object.fromEntries(files), undefined, 2)}\n`);
  return files;
}

/** Names that are legal as they are on every system; the rest of a file system's 255 bytes is left for endings. */
const plain = /^\w[\w.+-]{0,149}$/;

/** Devices of Windows, which no file can be called, whatever follows the first dot. */
const device = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/**
 * A file name for every output: `logits` is logits.npy, `module:layer1.0` is module_layer1.0.npy. No two names differ by
 * case alone, and a name that is legal as it is never loses its file to one that had to be changed.
 */
export function fileNames(names: readonly string[]): ReadonlyMap<string, string> {
  const isLegal = (name: string): boolean => plain.test(name) && !device.test(name);
  const taken = new Set<string>();
  const files = new Map<string, string>();
  const claim = (name: string, base: string): void => {
    let candidate = base;
    for (let n = 2; taken.has(candidate.toLowerCase()); n++) candidate = `${base}~${n}`;
    taken.add(candidate.toLowerCase());
    files.set(name, `${candidate}.npy`);
  };
  for (const name of names) if (isLegal(name)) claim(name, name);
  for (const name of names) if (!isLegal(name)) claim(name, legalised(name));
  return new Map(names.map((name) => [name, files.get(name) ?? name]));
}

function legalised(name: string): string {
  const base = name.replaceAll(/[^A-Za-z0-9_.+-]/g, "_").slice(0, 150);
  return plain.test(base) && !device.test(base) ? base : `_${base}`;
}
