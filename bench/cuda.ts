import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Shell } from "../src/cli/shell.ts";
import { table } from "../src/cli/table.ts";
import { TimmcError } from "../src/ir/error.ts";
import { findNvcc } from "../src/runtime/cuda/compile.ts";
import { compileArtifact } from "./artifacts.ts";
import { type KernelFacts, compileCubin } from "./cuda/cubin.ts";
import { selectModels } from "./models.ts";

export interface CudaBenchOptions {
  readonly models: readonly string[];
  readonly architectures: readonly number[];
  readonly batch: number;
  readonly keep?: string;
  readonly json?: string;
}

interface Result {
  readonly model: string;
  readonly architecture: number;
  readonly launches: number;
  readonly arenaBytes: number;
  readonly textBytes: number;
  readonly cubinBytes: number;
  readonly compileSeconds: number;
  readonly kernels: readonly KernelFacts[];
}

/** Cubins of CUDA artifacts without a device: what nvcc makes of their kernels. */
export async function benchCuda(options: CudaBenchOptions, shell: Shell): Promise<void> {
  const nvcc = findNvcc();
  if (nvcc === undefined)
    throw new TimmcError("dependency", "nvcc is not installed", { hint: "Install the CUDA toolkit, or set CUDACXX." });
  const models = await selectModels(options.models);
  const root = options.keep ?? mkdtempSync(path.join(tmpdir(), "timmc-cubins-"));
  const results: Result[] = [];
  try {
    for (const model of models)
      for (const architecture of options.architectures) {
        shell.status(`${model}: sm_${architecture}`);
        results.push(await compileModel(nvcc, model, path.join(root, model), architecture, options, shell));
      }
  } finally {
    if (options.keep === undefined) rmSync(root, { recursive: true, force: true });
  }
  shell.print(resultTable(results));
  if (options.json !== undefined)
    writeFileSync(options.json, `${JSON.stringify({ options, results }, undefined, 2)}\n`);
}

async function compileModel(
  nvcc: string,
  model: string,
  folder: string,
  architecture: number,
  { batch }: CudaBenchOptions,
  shell: Shell,
): Promise<Result> {
  const settings = { level: "2", target: "cuda", batch, weights: "none" } as const;
  await compileArtifact(model, folder, settings, shell.signal);
  const { target } = JSON.parse(readFileSync(path.join(folder, "manifest.json"), "utf8")) as {
    readonly target: { readonly dispatches: number; readonly arena_bytes: number };
  };
  const from = performance.now();
  const kernels = await compileCubin(nvcc, folder, architecture);
  return {
    model,
    architecture,
    launches: target.dispatches,
    arenaBytes: target.arena_bytes,
    textBytes: statSync(path.join(folder, "model.cu")).size,
    cubinBytes: statSync(path.join(folder, `sm_${architecture}.cubin`)).size,
    compileSeconds: (performance.now() - from) / 1000,
    kernels,
  };
}

function resultTable(results: readonly Result[]): string {
  const most = (kernels: readonly KernelFacts[], fact: "registers" | "shared"): string =>
    String(Math.max(0, ...kernels.map((k) => k[fact])));
  const kilobytes = (bytes: number): string => `${Math.ceil(bytes / 1024)} KiB`;
  const rows = results.map(({ model, architecture, launches, kernels, ...sizes }) => [
    model,
    `sm_${architecture}`,
    String(kernels.length),
    String(launches),
    most(kernels, "registers"),
    String(kernels.reduce((n, k) => n + k.spilled, 0)),
    most(kernels, "shared"),
    kilobytes(sizes.arenaBytes),
    kilobytes(sizes.textBytes),
    kilobytes(sizes.cubinBytes),
    `${sizes.compileSeconds.toFixed(1)} s`,
  ]);
  const numbers = ["kernels", "launches", "registers", "spilled", "shared", "arena", "model.cu", "cubin", "nvcc"];
  const columns = numbers.map((title) => ({ title, align: "right" }) as const);
  return table([{ title: "model" }, { title: "device" }, ...columns], rows).join("\n");
}
