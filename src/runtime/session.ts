import type { NpyArray } from "./npy.ts";

/** An artifact's model that is ready to run, whatever runs it. */
export interface Session {
  /** Outputs by name, in the model's order. A run occupies the thread: no signal arrives before it ends. */
  run(input: NpyArray): Promise<ReadonlyMap<string, NpyArray>>;
  /** Milliseconds of each kernel of one run, in order, where the runtime can measure them. */
  profile?(input: NpyArray): Promise<readonly KernelTime[] | undefined>;
  close(): Promise<void>;
}

/** A kernel's time, and the module path of what it stores. */
export interface KernelTime {
  readonly name: string;
  readonly ms: number;
}

/** What ran an artifact. */
export interface RuntimeFacts {
  readonly name: string;
  readonly version: string;
  /** The processor that it ran on, where that is not the host's own. */
  readonly device: string | null;
}
