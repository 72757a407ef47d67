import { join } from "node:path";
import { HashingFileSink, type WrittenFile } from "./file-sink.ts";
import { pauses } from "./interrupt.ts";

/** How a caller follows long work. */
export interface Watch {
  readonly signal?: AbortSignal | undefined;
  /** Says what is being done. */
  readonly progress?: ((text: string) => void) | undefined;
}

/** A file of an artifact, by its place in the folder. */
export type ModelFile = WrittenFile & { readonly path: string };

/**
 * Writes a file of an existing folder part by part. The event loop turns between parts; when `signal` fires the write ends with
 * `interrupted`. After a failure the file is not there. `expected` is its size where progress is to be told.
 */
export async function writeParts(
  folder: string,
  name: string,
  parts: Iterable<Uint8Array>,
  { signal, progress, expected = 0 }: Watch & { readonly expected?: number },
): Promise<ModelFile> {
  const pause = pauses(signal);
  const sink = new HashingFileSink(join(folder, name));
  try {
    for (const part of parts) {
      sink.write(part);
      if (expected > 0)
        progress?.(`writing ${name}: ${Math.min(100, Math.floor((100 * sink.byteLength) / expected))} %`);
      await pause();
    }
    return { path: name, ...sink.commit() };
  } catch (error) {
    sink.abort();
    throw error;
  }
}
