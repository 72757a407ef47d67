import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { buildProgram } from "../../src/backends/kernel/build.ts";
import { weightBytes } from "../../src/backends/kernel/weights.ts";
import { planWebGpu } from "../../src/backends/webgpu/plan.ts";
import { lowerRequest } from "../../src/driver/lower-request.ts";
import { openModelWeights } from "../../src/driver/weights.ts";
import { syntheticInput } from "../../src/frontend/weights/synthetic.ts";
import { runPipeline } from "../../src/passes/pass.ts";
import { presets } from "../../src/passes/presets.ts";

export interface EmittedModel {
  readonly shape: readonly number[];
  /** Of the shaders and the plan, gzipped. */
  readonly codeBytes: number;
  readonly shaders: number;
}

/** Writes what the page loads of our side: the plan, the shaders, the weights and an input. */
export async function emitModel(model: string, folder: string): Promise<EmittedModel> {
  const { resolved, lowered } = await lowerRequest({ model, batch: 1 });
  const { parameters } = await openModelWeights("synthetic", resolved, lowered);
  runPipeline(lowered.graph, presets.O2);
  const { plan, shaders, kernels } = planWebGpu(buildProgram(lowered.graph));
  mkdirSync(folder, { recursive: true });
  const texts = { "plan.json": JSON.stringify(plan), "shaders.json": JSON.stringify(shaders) };
  for (const [name, text] of Object.entries(texts)) writeFileSync(path.join(folder, name), text);
  const file = openSync(path.join(folder, "weights.bin"), "w");
  try {
    for (const bytes of weightBytes(kernels, parameters)) writeSync(file, bytes);
  } finally {
    closeSync(file);
  }
  const shape = [1, ...resolved.inputSize];
  writeFileSync(path.join(folder, "input.bin"), syntheticInput(shape));
  const codeBytes = Object.values(texts).reduce((sum, text) => sum + gzipSync(text, { level: 9 }).length, 0);
  return { shape, codeBytes, shaders: shaders.length };
}
