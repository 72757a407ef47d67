import { join } from "node:path";
import { buildProgram } from "../../backends/kernel/build.ts";
import { weightFile } from "../../backends/kernel/write-kernels.ts";
import { planWebGpu } from "../../backends/webgpu/plan.ts";
import { loadWebGpu } from "../../runtime/webgpu-node.ts";
import { shaderModule } from "../../runtime/webgpu-shaders.ts";
import { outputsByTap, requireWeights } from "../artifact.ts";
import { clientNames } from "../client/client.ts";
import { webgpuClientTexts } from "../client/webgpu-client.ts";
import { kernelEmission, kernelGraph, kernelTarget } from "./kernels.ts";
import type { Target } from "./target.ts";

const files = { plan: "plan.json", shaders: "model.wgsl.js" } as const;

/** WGSL kernels for browsers, and for Node's package webgpu. */
export const webgpu: Target = {
  ...kernelTarget("webgpu"),
  emit: ({ lowering: { lowered }, weights }) => {
    const { plan, shaders, kernels } = planWebGpu(buildProgram(kernelGraph(lowered.graph)));
    const { length: dispatches } = plan.steps;
    const texts = { [files.shaders]: shaderModule(shaders), [files.plan]: `${JSON.stringify(plan)}\n` };
    const target = {
      name: "webgpu",
      model: files.plan,
      kernels: shaders.length,
      dispatches,
      arena_bytes: plan.arena,
    } as const;
    return kernelEmission({ target, texts, kernels }, weights);
  },
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
          weights: join(folder, weightFile),
        });
        return { ...session, run: async (input) => outputsByTap(manifest, await session.run(input)) };
      },
    };
  },
};
