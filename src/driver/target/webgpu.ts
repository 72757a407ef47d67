import { join } from "node:path";
import { weightFile } from "../../backends/kernel/write-kernels.ts";
import { buildWebGpu, planWebGpu } from "../../backends/webgpu/plan.ts";
import { loadWebGpu } from "../../runtime/webgpu-node.ts";
import { shaderModule } from "../../runtime/webgpu-shaders.ts";
import { clientNames } from "../client/client.ts";
import { webgpuClientTexts } from "../client/webgpu-client.ts";
import { kernelTarget } from "./kernels.ts";

const files = { plan: "plan.json", shaders: "model.wgsl.js" } as const;

/** WGSL kernels for browsers, and for Node's package webgpu. */
export const webgpu = kernelTarget({
  name: "webgpu",
  takesPixels: true,
  build: buildWebGpu,
  make: (program, table) => {
    const { plan, shaders, kernels } = planWebGpu(program, table);
    return {
      texts: { [files.plan]: `${JSON.stringify(plan)}\n`, [files.shaders]: shaderModule(shaders) },
      kernels: shaders.length,
      plan: kernels,
    };
  },
  places: () => ({ model: files.plan, texts: clientNames }),
  texts: webgpuClientTexts,
  load: async () => {
    const { facts, open } = await loadWebGpu();
    return {
      facts,
      open: (folder) =>
        open({
          plan: join(folder, files.plan),
          shaders: join(folder, files.shaders),
          weights: join(folder, weightFile),
        }),
    };
  },
});
