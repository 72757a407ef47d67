import { basename } from "node:path";
import { TimmcError } from "../../ir/error.ts";
import { openSafetensors } from "./safetensors.ts";
import type { WeightSource } from "./source.ts";

/** Endings of PyTorch's own formats. */
const PYTORCH = [".bin", ".pth", ".pt", ".pth.tar", ".tar", ".ckpt"];

/** A weight file by its ending; every format but safetensors is refused by name. */
export function openWeights(path: string): WeightSource {
  const name = basename(path).toLowerCase();
  if (name.endsWith(".safetensors")) return openSafetensors(path);
  if (PYTORCH.some((ending) => name.endsWith(ending))) {
    throw new TimmcError("unsupported", "PyTorch weight files come with a later release; .safetensors is read now", {
      trail: [path],
      hint:
        "Convert it once, in Python: from safetensors.torch import save_file; import torch; " +
        'save_file({k: v.contiguous() for k, v in torch.load("model.pth", weights_only=True).items()}, "model.safetensors") ' +
        '(take ["state_dict"] or ["model"] first where the file wraps its tensors).',
    });
  }
  const sharded = name.endsWith(".safetensors.index.json");
  throw new TimmcError(
    "unsupported",
    `${sharded ? "sharded weights" : "weight files of this kind"} are not supported`,
    {
      trail: [path],
      hint: sharded ? "Join the shards into one .safetensors file." : "Name a .safetensors file.",
    },
  );
}
