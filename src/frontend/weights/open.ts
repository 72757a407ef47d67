import { basename } from "node:path";
import { TimmcError } from "../../ir/error.ts";
import { openNpz } from "./npz.ts";
import { openPth } from "./pth/pth.ts";
import { openSafetensors } from "./safetensors.ts";
import { openSharded } from "./sharded.ts";
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
  const name = basename(path).toLowerCase();
  const source = name.endsWith(INDEX) ? openSharded(path, openSingle) : openSingle(path);
  try {
    return unwrapped(source);
  } catch (error) {
    source.close();
    throw error;
  }
}

function openSingle(path: string): WeightSource {
  const name = basename(path).toLowerCase();
  if (name.endsWith(".safetensors")) return openSafetensors(path);
  if (name.endsWith(".npz")) return openNpz(path);
  if (PYTORCH.some((ending) => name.endsWith(ending))) return openPth(path);
  throw new TimmcError("unsupported", "weight files of this kind are not supported", {
    trail: [path],
    hint: `Name a file that ends in .safetensors, .npz, ${PYTORCH.join(", ")}, or an index that ends in ${INDEX}.`,
  });
}
