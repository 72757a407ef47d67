import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf } from "../ir/caught.ts";

/**
 * Makes a folder with those above it; one that exists is fine. Node's `recursive` runs for ever where the system answers
 * "no such file" below a folder that exists, as /proc does. Several processes may make the same folder at once: the one
 * above may come to be between the system's answer and a look at it.
 */
export function makeFolder(folder: string): void {
  if (isMade(folder)) return;
  const above = dirname(folder);
  if (!existsSync(above)) makeFolder(above);
  makeOne(folder);
}

/** Whether the folder exists now; false where there is nothing above it. */
function isMade(folder: string): boolean {
  try {
    makeOne(folder);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** One folder, unless another process was faster. */
function makeOne(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    if (codeOf(error) !== "EEXIST" || !statSync(folder).isDirectory()) throw error;
  }
}
