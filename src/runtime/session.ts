import type { NpyArray } from "./npy.ts";

/** An artifact's model that is ready to run, whatever runs it. */
export interface Session {
  /** Outputs by name, in the model's order. A run occupies the thread: no signal arrives before it ends. */
  run(input: NpyArray): Promise<ReadonlyMap<string, NpyArray>>;
  close(): Promise<void>;
}
