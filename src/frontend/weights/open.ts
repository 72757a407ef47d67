import { existsSync } from "node:fs";
import { basename } from "node:path";
import { TimmcError } from "../../ir/error.ts";
import { didYouMean, nearNames, quote } from "../suggest.ts";
import { requireGenuine } from "./disguise.ts";
import { openNpz } from "./npz.ts";
import { openPth } from "./pth/pth.ts";
import { openSafetensors } from "./safetensors.ts";
import { openSharded, shardFiles } from "./sharded.ts";
import type { WeightSource } from "./source.ts";
import { unwrapped } from "./unwrapped.ts";

/** Endings of PyTorch's own formats. */
const PYTORCH = [".bin", ".pth", ".pt", ".pth.tar", ".tar", ".ckpt"];
const INDEX = ".index.json";

/**
 * A weight file, or the index of several, by its ending, under the names of the model itself. Throws TimmcError for other
 * endings and for malformed files.
 */
export function openWeights(path: string): WeightSource {
  const source = isIndex(path) ? openSharded(path, openSingle) : openSingle(path);
  try {
    if (source.keys()[Symbol.iterator]().next().done === true)
      throw new TimmcError("weights", "the file holds no tensors", {
        trail: [path],
        hint: "Save the model's state_dict() into it.",
      });
    return unwrapped(source);
  } catch (error) {
    source.close();
    throw error;
  }
}

const isIndex = (path: string): boolean => basename(path).toLowerCase().endsWith(INDEX);

/** The file, and those that it stands for where it is an index. None but the index is read; throws TimmcError as `openWeights`. */
export const weightFilesAt = (path: string): string[] => (isIndex(path) ? [path, ...shardFiles(path)] : [path]);

function openSingle(path: string): WeightSource {
  const name = basename(path).toLowerCase();
  const isPytorch = PYTORCH.some((ending) => name.endsWith(ending));
  const kind = isPytorch ? "pytorch" : endings.find((ending) => name.endsWith(`.${ending}`));
  if (kind === undefined) throw unknownKind(path);
  requireGenuine(path, kind);
  return openers[kind](path);
}

const openers = { safetensors: openSafetensors, npz: openNpz, pytorch: openPth } as const;
const endings = ["safetensors", "npz"] as const;

/** The words that --weights takes in place of a file. */
const words = ["pretrained", "synthetic", "none"] as const;

/** A text that ends as no weight file does may be a misspelled word. */
function unknownKind(path: string): TimmcError {
  const files = `a file that ends in .safetensors, .npz, ${PYTORCH.join(", ")}, or an index that ends in ${INDEX}`;
  const exists = path !== "" && existsSync(path);
  if (exists)
    return new TimmcError("unsupported", "weight files of this kind are not supported", {
      trail: [path],
      hint: `Name ${files}.`,
    });
  const what = path === "" ? "no weights are named" : `there is no weight file ${quote(path)}`;
  const near = didYouMean(nearNames(path, words, 1));
  const takes = `The weights are ${words.join(", ")}, or ${files}.`;
  return new TimmcError(path === "" ? "usage" : "io", what, { hint: near === undefined ? takes : `${near} ${takes}` });
}
