import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { cudaTextNames } from "../../backends/cuda/emit.ts";
import { planCuda } from "../../backends/cuda/plan.ts";
import { cudaTexts } from "../../backends/cuda/texts.ts";
import { buildProgram } from "../../backends/kernel/build.ts";
import { findHostCompiler, findNvcc } from "../../runtime/cuda/compile.ts";
import { openCuda } from "../../runtime/cuda/open.ts";
import type { RuntimeFacts } from "../../runtime/session.ts";
import { outputsByTap, requireWeights } from "../artifact.ts";
import { kernelEmission, kernelGraph, kernelTarget } from "./kernels.ts";
import type { Target } from "./target.ts";

/** CUDA C++ for nvcc, with a C header, and a program that runs it. */
export const cuda: Target = {
  ...kernelTarget("cuda"),
  emit: ({ lowering: { lowered }, weights }) => {
    const program = planCuda(buildProgram(kernelGraph(lowered.graph)));
    const { kernels, steps, plan } = program;
    const target = {
      name: "cuda",
      model: "model.cu",
      kernels: kernels.length,
      dispatches: steps.length,
      arena_bytes: plan.arena.bytes,
    } as const;
    return kernelEmission({ target, texts: cudaTexts(program), kernels: plan }, weights);
  },
  places: () => ({ model: "model.cu", texts: cudaTextNames }),
  texts: () => ({}),
  load: () => {
    let facts: RuntimeFacts = { name: "cuda", version: "", device: null };
    return Promise.resolve({
      get facts() {
        return facts;
      },
      hasThreads: false,
      open: async (artifact, { signal, progress, note } = {}) => {
        requireWeights(artifact);
        const session = await openCuda(artifact.folder, { signal, progress, notice: note });
        const { place, device } = session;
        facts =
          place === "device"
            ? { name: "cuda", version: await versionOf(findNvcc()), device }
            : { name: "cuda-emulation", version: await versionOf(findHostCompiler()), device: null };
        return { ...session, run: async (input) => outputsByTap(artifact.manifest, await session.run(input)) };
      },
    });
  },
};

/** Of a compiler: the first number with a dot that it says of itself on a line of its own kind. */
async function versionOf(compiler: string | undefined): Promise<string> {
  if (compiler === undefined) return "";
  const { stdout } = await promisify(execFile)(compiler, ["--version"]).catch(() => ({ stdout: "" }));
  return /release (\d+\.\d+)/.exec(stdout)?.[1] ?? /\d+\.\d+(?:\.\d+)?/.exec(stdout)?.[0] ?? "";
}
