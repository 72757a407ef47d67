import { closeSync, existsSync, fstatSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { TimmcError } from "../../ir/error.ts";
import { type Refuse, openFile, readBytes, shown } from "./file.ts";
import { JsonScanner } from "./json-scanner.ts";
import type { WeightSource } from "./source.ts";

const MAX_INDEX = 1 << 24;
/** Each shard is one open file. */
const MAX_SHARDS = 500;

/**
 * Weights in several files: an index such as `model.safetensors.index.json`, `{"weight_map": {KEY: FILE}}`, and the files
 * beside it, which `openShard` opens. Throws TimmcError: `io` where a file is missing, `weights` where the index is
 * malformed, names a file elsewhere, or a key that its file does not have.
 */
export function openSharded(path: string, openShard: (file: string) => WeightSource): WeightSource {
  const refuse = refusing(path);
  const files = readIndex(path, refuse);
  const shards = new Map<string, WeightSource>();
  const close = (): void => {
    for (const shard of shards.values()) shard.close();
  };
  try {
    for (const file of new Set(files.values())) shards.set(file, openOne(path, file, openShard));
    const shardOf = (key: string): WeightSource | undefined => shards.get(files.get(key) ?? "");
    for (const [key, file] of files) {
      if (shardOf(key)?.get(key) === undefined)
        refuse(`the index places it in ${shown(file)}, which does not have it`, key);
    }
    return {
      label: basename(path),
      notices: [...shards.values()].flatMap((shard) => shard.notices ?? []).concat(unlisted(path, files, shards)),
      shards: [...shards.keys()].map((file) => join(dirname(path), file)),
      keys: () => files.keys(),
      get: (key) => shardOf(key)?.get(key),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** The files of an index, in the order of `openSharded`; none is opened. Throws TimmcError as it does. */
export const shardFiles = (path: string): string[] =>
  [...new Set(readIndex(path, refusing(path)).values())].map((file) => join(dirname(path), file));

const refusing =
  (path: string): Refuse =>
  (rule, tensor) => {
    throw new TimmcError("weights", rule, {
      trail: tensor === undefined ? [path] : [path, shown(tensor)],
      hint: "Fetch the index and its files again: they must come from one revision.",
    });
  };

/** Keys and their files, in the order of the index. */
function readIndex(path: string, refuse: Refuse): ReadonlyMap<string, string> {
  const scanner = new JsonScanner(readText(path, refuse), refuse, "index");
  const files = new Map<string, string>();
  let found = false;
  scanner.object((field) => {
    if (field !== "weight_map") return scanner.skip();
    if (found) refuse('the index has "weight_map" twice');
    found = true;
    scanner.object((key) => {
      if (files.has(key)) refuse("the index names it twice", key);
      files.set(key, fileName(scanner.string(), key, refuse));
    });
  });
  scanner.end();
  if (!found) refuse('the index has no "weight_map"');
  const shards = new Set(files.values()).size;
  if (shards > MAX_SHARDS) refuse(`the index names ${shards} files, more than ${MAX_SHARDS}`);
  return files;
}

function readText(path: string, refuse: Refuse): string {
  const descriptor = openFile(path);
  try {
    const { size } = fstatSync(descriptor);
    if (size > MAX_INDEX) refuse(`an index of ${size} bytes is longer than ${MAX_INDEX}`);
    return new TextDecoder("utf-8", { fatal: true }).decode(readBytes(descriptor, 0, size, refuse));
  } catch (error) {
    if (error instanceof TimmcError) throw error;
    return refuse("the index is not UTF-8");
  } finally {
    closeSync(descriptor);
  }
}

/** A file beside the index: no folder, no drive, no way up. */
const fileName = (name: string, key: string, refuse: Refuse): string =>
  /^[^/\\:\0]+$/.test(name) && name !== "." && name !== ".."
    ? name
    : refuse(`the index places it in "${shown(name)}", which is no file name beside the index`, key);

function openOne(path: string, file: string, openShard: (file: string) => WeightSource): WeightSource {
  const shard = join(dirname(path), file);
  if (existsSync(shard)) return openShard(shard);
  throw new TimmcError("io", `the file ${shown(file)}, which the index names, is missing`, {
    trail: [path],
    hint: "Put every file of the index beside it.",
  });
}

function unlisted(
  path: string,
  files: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, WeightSource>,
): string[] {
  return [...shards].flatMap(([file, shard]) => {
    const extra = [...shard.keys()].filter((key) => files.get(key) !== file);
    const [first] = extra;
    if (first === undefined) return [];
    const place = `${basename(path)} does not place there`;
    return [`${shown(file)} holds ${extra.length} entries that ${place}, such as ${shown(first)}`];
  });
}
