import { weightBytes } from "../kernel/weights.ts";
import { writeKernels } from "../kernel/write-kernels.ts";
import type { Parameters } from "../parameters.ts";
import type { ModelFile, Watch } from "../write-parts.ts";
import type { CudaProgram } from "./plan.ts";
import { cudaTexts } from "./texts.ts";

/** The files of an artifact beside the weights. */
export const cudaTextNames = ["model.cu", "model.h", "main.cpp", "CMakeLists.txt"] as const;

/** Writes a program into an existing folder and says what was written; without parameters there is no weight file. */
export const writeCuda = (
  folder: string,
  program: CudaProgram,
  parameters: Parameters | undefined,
  watch: Watch = {},
): Promise<ModelFile[]> =>
  writeKernels(
    folder,
    {
      texts: cudaTexts(program),
      weights: parameters === undefined ? undefined : weightBytes(program.plan, parameters),
      weightBytes: program.plan.weights.bytes,
    },
    watch,
  );
