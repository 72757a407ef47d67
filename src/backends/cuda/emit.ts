import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Parameters } from "../parameters.ts";
import { weightBytes } from "../kernel/weights.ts";
import { type ModelFile, type Watch, writeParts } from "../write-parts.ts";
import type { CudaProgram } from "./plan.ts";
import { cudaTexts } from "./texts.ts";

/** The weight file of an artifact. */
const weightFile = "weights.bin";

/** The other files. */
export const cudaTextNames = ["model.cu", "model.h", "main.cpp", "CMakeLists.txt"] as const;

/**
 * Writes a program into an existing folder and says what was written: the weights first, evaluated tensor by tensor; without
 * parameters there are none. The event loop turns between tensors; when `signal` fires the write ends with `interrupted`.
 * After a failure none of the files is there.
 */
export async function writeCuda(
  folder: string,
  program: CudaProgram,
  parameters: Parameters | undefined,
  watch: Watch = {},
): Promise<ModelFile[]> {
  const texts = cudaTexts(program);
  const written: ModelFile[] = [];
  try {
    rmSync(join(folder, weightFile), { force: true });
    if (parameters !== undefined) {
      const expected = program.plan.weights.bytes;
      written.push(await writeParts(folder, weightFile, weightBytes(program.plan, parameters), { ...watch, expected }));
    }
    for (const [name, text] of Object.entries(texts))
      written.push(await writeParts(folder, name, [Buffer.from(text)], watch));
    return written;
  } catch (error) {
    for (const { path } of written) rmSync(join(folder, path), { force: true });
    throw error;
  }
}
