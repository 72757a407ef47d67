import { join } from "node:path";
import { createHash } from "node:crypto";
import { buildProgram } from "../../backends/kernel/build.ts";
import { storedWeights, weightBytes } from "../../backends/kernel/weights.ts";
import { planWebGpu } from "../../backends/webgpu/plan.ts";
import { type ModelFile, writeParts } from "../../backends/write-parts.ts";
import { loadWebGpu } from "../../runtime/webgpu-node.ts";
import { shaderModule } from "../../runtime/webgpu-shaders.ts";
import { removeFiles, writeWhole } from "../artifact-files.ts";
import { outputsByTap, requireWeights } from "../artifact.ts";
import { clientNames } from "../client/client.ts";
import { webgpuClientTexts } from "../client/webgpu-client.ts";
import { shown } from "../weight-numbers.ts";
import { kernelGraph, kernelTarget } from "./kernels.ts";
import type { Emission, Source, Target } from "./target.ts";

const files = { plan: "plan.json", shaders: "model.wgsl.js", weights: "weights.bin" } as const;

/** WGSL kernels for browsers, and for Node's package webgpu. */
export const webgpu: Target = {
  ...kernelTarget("webgpu"),
  emit,
  places: () => ({ model: files.plan, texts: clientNames }),
  texts: webgpuClientTexts,
  load: async () => {
    const runtime = await loadWebGpu();
    return {
      facts: runtime.facts,
      hasThreads: false,
      open: async (artifact) => {
        requireWeights(artifact);
        const { folder, manifest } = artifact;
        const session = await runtime.open({
          plan: join(folder, files.plan),
          shaders: join(folder, files.shaders),
          weights: join(folder, files.weights),
        });
        return { ...session, run: async (input) => outputsByTap(manifest, await session.run(input)) };
      },
    };
  },
};

function emit({ lowering: { lowered }, weights }: Source): Emission {
  const { plan, shaders, kernels } = planWebGpu(buildProgram(kernelGraph(lowered.graph)));
  const tensors = storedWeights(kernels, weights.parameters);
  const texts = {
    [files.shaders]: shaderModule(shaders),
    [files.plan]: `${JSON.stringify(plan)}\n`,
  };
  return {
    target: {
      name: "webgpu",
      model: files.plan,
      kernels: shaders.length,
      dispatches: plan.steps.length,
      arena_bytes: plan.arena,
    },
    onnxNodes: null,
    tensors,
    weightBytes: plan.weights,
    write: async (folder, { hasWeights, see, ...watch }) => {
      const written: ModelFile[] = [];
      try {
        if (hasWeights) {
          const seen = see === undefined ? tensors : tensors.map((tensor) => shown(tensor, see));
          const parts = weightBytes(kernels, weights.parameters, seen);
          written.push(await writeParts(folder, files.weights, parts, { ...watch, expected: plan.weights }));
        } else removeFiles(folder, [{ path: files.weights }]);
        for (const [path, text] of Object.entries(texts))
          written.push({ path, ...writeWhole(join(folder, path), text) });
        return written;
      } catch (error) {
        removeFiles(folder, written);
        throw error;
      }
    },
    differences: () => [],
    mismatch: ({ manifest }) => {
      const changed = Object.entries(texts).find(([path, text]) => {
        const sha256 = createHash("sha256").update(text).digest("hex");
        return manifest.files.find((file) => file.path === path)?.sha256 !== sha256;
      });
      return changed === undefined
        ? null
        : `${changed[0]} computes the right outputs, but is not what the manifest's request gives: the file or the request was changed. Compile the model again.`;
    },
  };
}
