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
export interface ModelFile extends WrittenFile {
  readonly path: string;
  /**
   * The bytes of consecutive pieces that the file is made of, in order, so that equal tensors of two files are equal
   * pieces: a large part is one, and so is each run of smaller ones between.
   */
  readonly segments: readonly number[];
}

/** Smaller parts are not worth a piece of their own. */
const smallestSegment = 16 * 1024;

/** Cuts a sequence of parts into segments. */
function segmenter(): { readonly lengths: number[]; add(bytes: number): void } {
  const lengths: number[] = [];
  let isOpen = false;
  return {
    lengths,
    add: (bytes) => {
      if (bytes === 0) return;
      const isSmall = bytes < smallestSegment;
      if (isSmall && isOpen) lengths.push((lengths.pop() ?? 0) + bytes);
      else lengths.push(bytes);
      isOpen = isSmall;
    },
  };
}

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
  const segments = segmenter();
  try {
    for (const part of parts) {
      sink.write(part);
      segments.add(part.length);
      if (expected > 0)
        progress?.(`writing ${name}: ${Math.min(100, Math.floor((100 * sink.byteLength) / expected))} %`);
      await pause();
    }
    return { path: name, ...sink.commit(), segments: segments.lengths };
  } catch (error) {
    sink.abort();
    throw error;
  }
}
