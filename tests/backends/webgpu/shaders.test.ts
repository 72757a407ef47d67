import { create } from "webgpu";
import { describe, expect, it } from "vitest";
import { limits } from "../../../src/backends/kernel/limits.ts";
import { buildWebGpu, planWebGpu } from "../../../src/backends/webgpu/plan.ts";
import { lowerRequest } from "../../../src/driver/lower-request.ts";
import { pipelineOf } from "../../../src/driver/pipeline.ts";
import { kernelGraph } from "../../../src/driver/target/kernels.ts";
import { runPipeline } from "../../../src/passes/pass.ts";
import { checkPlan } from "../../../src/runtime/webgpu/index.ts";

/** Kept: Dawn crashes when it is collected before its devices. */
const gpu = create(["backend=null"]);

/** Dawn without a device: it takes shaders and pipelines, has every feature and the limits that every device has. */
async function anyDevice(): Promise<GPUDevice> {
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw new Error("Dawn has no null backend");
  return adapter.requestDevice();
}

const models = ["test_resnet", "test_efficientnet", "test_vit", "test_convnext"] as const;

async function programOf(model: string, precision: "fp32" | "fp16") {
  const { graph } = (await lowerRequest({ model, batch: 2, taps: ["logits", "features"] })).lowered;
  runPipeline(graph, pipelineOf("O2", null, { target: "webgpu" }));
  return planWebGpu(buildWebGpu(kernelGraph(graph), precision));
}

describe.each(models)("the program of %s", (model) => {
  it.each(["fp32", "fp16"] as const)("in %s is taken by every device", async (precision) => {
    const { plan, shaders } = await programOf(model, precision);
    expect(checkPlan(JSON.parse(JSON.stringify(plan)), shaders)).toEqual(plan);
    expect(Math.max(...plan.steps.map((step) => step.bindings.length))).toBeLessThanOrEqual(limits.storageBuffers);
    for (const { shader, bindings } of plan.steps) {
      const access = [...(shaders[shader] ?? "").matchAll(/var<storage, (\w+)>/g)].map((match) => match[1]);
      expect(access).toEqual(bindings.map(([which]) => (which === 0 ? "read" : "read_write")));
    }
    const device = await anyDevice();
    device.pushErrorScope("validation");
    const refused: string[] = [];
    for (const code of new Set(shaders)) {
      const module = device.createShaderModule({ code });
      const { messages } = await module.getCompilationInfo();
      refused.push(...messages.map((m) => `${m.type}: ${m.message}`));
      await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
    }
    expect(refused).toEqual([]);
    expect(await device.popErrorScope()).toBeNull();
    device.destroy();
  });
});
