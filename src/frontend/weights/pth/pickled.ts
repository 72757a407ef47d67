import type { Storages } from "./storages.ts";
import type { Value } from "./values.ts";

/** What a PyTorch file holds: one value, and the storages that its tensors lie in. */
export interface LoadedPickle {
  readonly value: Value;
  readonly storages: Storages;
  readonly bigEndian: boolean;
}
