import { basename } from "node:path";
import { TimmcError } from "../../../ir/error.ts";
import { type RandomBytes, type Refuse, openBytes, shown } from "../file.ts";
import type { WeightSource } from "../source.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoint.ts";

/**
 * A PyTorch checkpoint (.pth, .pt, .bin, .pth.tar), zip or legacy. Opening reads and checks its pickle; a tensor's bytes
 * are read when asked for. Throws TimmcError: `io` where the file cannot be read, `weights` where it is damaged, is no
 * checkpoint, or would run code.
 */
export function openPth(path: string): WeightSource {
  const refuse: Refuse = (rule, tensor) => {
    throw new TimmcError("weights", rule, {
      trail: tensor === undefined ? [path] : [path, shown(tensor)],
      hint: "Fetch the file again, or save weights alone: torch.save(model.state_dict(), FILE) or safetensors.torch.save_file.",
    });
  };
  const bytes = openBytes(path, refuse);
  try {
    const label = basename(path);
    return checkpointSource(label, readCheckpoint(bytes, refuse), bytes);
  } catch (error) {
    bytes.close();
    throw error;
  }
}

function checkpointSource(label: string, checkpoint: Checkpoint, bytes: RandomBytes & { close(): void }): WeightSource {
  const { tensors, nesting, otherKeys, skipped } = checkpoint;
  const notices: string[] = [];
  if (nesting?.endsWith("_ema") && otherKeys.some((key) => key === "state_dict" || key === "model")) {
    notices.push(`${label}: the averaged weights (${nesting}) are read, as timm does`);
  }
  if (skipped.length > 0)
    notices.push(`${label}: ${skipped.length} entries are no tensors, such as ${shown(skipped[0] ?? "")}`);
  return {
    label,
    notices,
    keys: () => tensors.keys(),
    get: (name) => tensors.get(name),
    close: () => bytes.close(),
  };
}
