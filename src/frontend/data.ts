import { readFileSync } from "node:fs";

import { TimmcError } from "../ir/error.ts";

/** The package's data folder: two levels up from here, in src/ as in dist/. */
const folder = new URL("../../data/", import.meta.url);

const cache = new Map<string, unknown>();

/**
 * A shipped JSON file, such as `pretrained/resnet.json`, parsed at most once per process. `T` is a promise about the
 * file's content, which the package itself writes (scripts/gen-registry.ts), so it is not checked here.
 *
 * @throws TimmcError `io` where the installed package lacks the file.
 */
export function readDataFile<T>(name: string): T {
  const known = cache.get(name);
  if (known !== undefined) return known as T;
  const content = parse<T>(name);
  cache.set(name, content);
  return content;
}

function parse<T>(name: string): T {
  try {
    return JSON.parse(readFileSync(new URL(name, folder), "utf8")) as T;
  } catch (cause) {
    throw new TimmcError("io", `the data file ${name} of timmc is missing or damaged`, {
      hint: "Install the package again.",
      cause,
    });
  }
}
