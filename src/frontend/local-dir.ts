import { readdirSync, readFileSync, statSync, type Stats } from "node:fs";
import { join } from "node:path";

import { messageOf } from "../ir/caught.ts";
import { TimmcError } from "../ir/error.ts";
import { parseModelConfig, requireConfigSize, type ModelConfig } from "./model-config.ts";

/** A folder with timm's config.json and, usually, weights. */
export interface LocalModel extends ModelConfig {
  /** The folder as the user wrote it. */
  readonly path: string;
  /** The weights by timm's choice; `.bin` and `.pth` too. Undefined where the folder has none: see `requireWeightsFile`. */
  readonly weightsFile: string | undefined;
}

/** Tried first, in this order. */
const preferredFiles = [
  "model.safetensors",
  "pytorch_model.bin",
  "pytorch_model.pth",
  "model.pth",
  "open_clip_model.safetensors",
  "open_clip_pytorch_model.safetensors",
  "open_clip_pytorch_model.bin",
  "open_clip_pytorch_model.pth",
] as const;

/** Then an index of several files, which timm does not know: its first shard alone would be wrong. */
const indexFiles = ["model.safetensors.index.json", "pytorch_model.bin.index.json"] as const;

/** Then the first name of the first extension that occurs. `.pth` does not cover `.pth.tar`. */
const extensions = [".safetensors", ".pth", ".pth.tar", ".bin"] as const;

/**
 * Reads a model folder: its config.json, and which file holds the weights. No weights are opened.
 *
 * @throws TimmcError `io` where the folder or config.json cannot be read, `config` where config.json is malformed.
 */
export function readLocalDir(path: string): LocalModel {
  requireFolder(path);
  const configPath = join(path, "config.json");
  const config = parseModelConfig(readConfigFile(configPath), configPath);
  const weights = findWeightsFile(path);
  return {
    ...config,
    pretrainedCfg: { ...config.pretrainedCfg, source: "local-dir", file: path },
    path,
    weightsFile: weights.file,
    notices: [...config.notices, ...weights.notices],
  };
}

/**
 * The model's weights file.
 *
 * @throws TimmcError `io` where the folder has none.
 */
export function requireWeightsFile(model: LocalModel): string {
  if (model.weightsFile !== undefined) return model.weightsFile;
  throw new TimmcError("io", "the folder has no weights file", {
    trail: [model.path],
    hint: `Put ${preferredFiles[0]} beside config.json (${extensions.join(", ")} files count too), or choose other weights with --weights.`,
  });
}

/** timm's choice among a folder's files (`load_state_dict_from_path`), and indexes of several files. */
function findWeightsFile(path: string): { file: string | undefined; notices: readonly string[] } {
  const names = weightsFileNames(path);
  const preferred = [...preferredFiles, ...indexFiles].find((name) => names.includes(name));
  if (preferred !== undefined) return { file: join(path, preferred), notices: [] };
  for (const extension of extensions) {
    const [first, ...rest] = names.filter((name) => name.endsWith(extension));
    if (first === undefined) continue;
    const notices = rest.length === 0 ? [] : [`${path} has ${rest.length + 1} ${extension} files: ${first} is used`];
    return { file: join(path, first), notices };
  }
  return { file: undefined, notices: [] };
}

function requireFolder(path: string): void {
  const status = statusOf(path);
  if (status === undefined) throw ioError(path, "there is no such folder", "Give the folder that holds config.json.");
  if (!status.isDirectory()) {
    throw ioError(path, "this is a file, not a folder", "Give the folder that holds config.json.");
  }
}

/**
 * The bytes of a config.json. Size and kind are checked before reading: a pipe would block, and a large file would fill
 * the memory.
 *
 * @throws TimmcError `io`, or `config` for a size that none has.
 */
export function readConfigFile(path: string): Uint8Array {
  const status = statusOf(path);
  const hint = "A model folder needs timm's config.json; the architecture is never guessed.";
  if (status === undefined) throw ioError(path, "there is no such file", hint);
  if (!status.isFile())
    throw ioError(path, status.isDirectory() ? "this is a folder, not a file" : "this is not a regular file", hint);
  requireConfigSize(status.size, path);
  return attempt(path, () => readFileSync(path));
}

/** Names of the regular files, and of links to them, that may hold weights; sorted. */
const weightsFileNames = (path: string): string[] =>
  attempt(path, () => readdirSync(path))
    .filter((name) => [...extensions, ...indexFiles].some((ending) => name.endsWith(ending)))
    .filter((name) => statusOf(join(path, name))?.isFile() === true)
    .sort();

const statusOf = (path: string): Stats | undefined => attempt(path, () => statSync(path, { throwIfNoEntry: false }));

/** `body()`; what the file system refuses becomes an error that names the path. */
function attempt<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    throw ioError(path, `it cannot be read (${messageOf(cause)})`, undefined, cause);
  }
}

const ioError = (path: string, message: string, hint?: string, cause?: unknown): TimmcError =>
  new TimmcError("io", message, { trail: [path], hint, cause });
