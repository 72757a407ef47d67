import { rmSync } from "node:fs";
import { join } from "node:path";
import { type ModelFile, type Watch, writeParts } from "../write-parts.ts";

/** The weight file of an artifact of kernels. */
export const weightFile = "weights.bin";

/** What a target makes of a program. */
interface KernelFiles {
  readonly texts: Readonly<Record<string, string>>;
  /** The parts of the weight file, and its size; without, there is none. */
  readonly weights: Iterable<Uint8Array> | undefined;
  readonly weightBytes: number;
}

/**
 * Writes the files of a program into an existing folder and says what was written, the weights first. The event loop turns
 * between tensors; when `signal` fires the write ends with `interrupted`. After a failure none of the files is there.
 */
export async function writeKernels(
  folder: string,
  { texts, weights, weightBytes }: KernelFiles,
  watch: Watch = {},
): Promise<ModelFile[]> {
  const written: ModelFile[] = [];
  try {
    rmSync(join(folder, weightFile), { force: true });
    if (weights !== undefined)
      written.push(await writeParts(folder, weightFile, weights, { ...watch, expected: weightBytes }));
    for (const [name, text] of Object.entries(texts))
      written.push(await writeParts(folder, name, [Buffer.from(text)], watch));
    return written;
  } catch (error) {
    for (const { path } of written) rmSync(join(folder, path), { force: true });
    throw error;
  }
}
