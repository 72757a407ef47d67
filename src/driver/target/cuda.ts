import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { cudaTextNames } from "../../backends/cuda/emit.ts";
import { buildCuda, planCuda } from "../../backends/cuda/plan.ts";
import { cudaTexts } from "../../backends/cuda/texts.ts";
import { findHostCompiler, findNvcc } from "../../runtime/cuda/compile.ts";
import { openCuda } from "../../runtime/cuda/open.ts";
import type { RuntimeFacts } from "../../runtime/session.ts";
import { kernelTarget } from "./kernels.ts";

const [model] = cudaTextNames;

/** CUDA C++ for nvcc, with a C header, and a program that runs it. */
export const cuda = kernelTarget({
  name: "cuda",
  takesPixels: false,
  build: buildCuda,
  make: (program) => {
    const made = planCuda(program);
    return { texts: cudaTexts(made), kernels: made.kernels.length, plan: made.plan };
  },
  places: () => ({ model, texts: cudaTextNames }),
  texts: () => ({}),
  load: () => {
    let facts: RuntimeFacts = { name: "cuda", version: "", device: null };
    return Promise.resolve({
      get facts() {
        return facts;
      },
      open: async (folder, { signal, progress, note }) => {
        const session = await openCuda(folder, { signal, progress, notice: note });
        const { place, device } = session;
        facts =
          place === "device"
            ? { name: "cuda", version: await versionOf(findNvcc()), device }
            : { name: "cuda-emulation", version: await versionOf(findHostCompiler()), device: null };
        return session;
      },
    });
  },
});

/** Of a compiler, as it says itself. */
async function versionOf(compiler: string | undefined): Promise<string> {
  if (compiler === undefined) return "";
  const { stdout } = await promisify(execFile)(compiler, ["--version"]).catch(() => ({ stdout: "" }));
  return /release (\d+\.\d+)/.exec(stdout)?.[1] ?? /\d+\.\d+(?:\.\d+)?/.exec(stdout)?.[0] ?? "";
}
