import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../ir/caught.ts";
import { TimmcError } from "../../ir/error.ts";

/** Entries of folders that are looked at, and folders inside of folders: above, a path is hardly what was meant. */
const maxEntries = 200_000;
const maxDepth = 8;

const isPicture = (name: string): boolean => /\.(?:png|jpe?g|webp)$/i.test(name);

/**
 * The pictures that paths name: a file is taken as it is, a folder gives its files of the formats that are read, with those
 * of its folders, in the order of their names. Links to folders are not followed. Throws `usage` where there is none.
 */
export function picturesOf(paths: readonly string[]): string[] {
  const found: string[] = [];
  const budget = { left: maxEntries };
  for (const path of paths) {
    if (isFolder(path)) walk(path, 0, budget, found);
    else found.push(path);
  }
  if (found.length > 0) return found;
  throw new TimmcError("usage", paths.length === 0 ? "no pictures are named" : "the folders hold no pictures", {
    trail: paths.slice(0, 1),
    hint: "Name PNG, JPEG or WebP files, or folders of them.",
  });
}

/** `n` of a list, spread evenly; the whole list where it has no more. */
export const spread = <T>(list: readonly T[], n: number): T[] =>
  list.length <= n ? [...list] : evenly(list.length, n).flatMap((i) => list.slice(i, i + 1));

/** `n` different positions of a list, in the middles of equal parts. */
export const evenly = (length: number, n: number): number[] =>
  Array.from({ length: Math.min(n, length) }, (_, i) => Math.floor(((i + 0.5) * length) / Math.min(n, length)));

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (cause) {
    throw new TimmcError("io", `it cannot be read (${messageOf(cause)})`, {
      trail: [path],
      hint: "Name pictures, or folders of pictures.",
      cause,
    });
  }
}

function walk(folder: string, depth: number, budget: { left: number }, found: string[]): void {
  for (const entry of entriesOf(folder)) {
    if (budget.left-- === 0)
      throw new TimmcError("usage", `there are more than ${maxEntries} files`, {
        trail: [folder],
        hint: "Some hundred pictures are enough: name a smaller folder.",
      });
    const path = join(folder, entry.name);
    if (entry.isDirectory() && depth < maxDepth && !entry.name.startsWith(".")) walk(path, depth + 1, budget, found);
    else if (!entry.isDirectory() && isPicture(entry.name)) found.push(path);
  }
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    throw new TimmcError("io", `the folder cannot be read (${messageOf(cause)})`, { trail: [folder], cause });
  }
}
