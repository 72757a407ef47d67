import { describe, expect, it } from "vitest";
import { buildProgram } from "../../../src/backends/kernel/build.ts";
import { kernelPasses } from "../../../src/backends/kernel/passes.ts";
import { planWebGpu } from "../../../src/backends/webgpu/plan.ts";
import { lowerRequest } from "../../../src/driver/lower-request.ts";
import { runPipeline } from "../../../src/passes/pass.ts";
import { presets } from "../../../src/passes/presets.ts";
import { sample } from "../../oracle/sample.ts";
import { barrierFaults } from "./uniform.ts";

/** Families that between them have every op that kernels compute, and every form of attention. */
const families = [
  "beit",
  "byoanet",
  "byobnet",
  "convit",
  "convnext",
  "crossvit",
  "csatv2",
  "densenet",
  "edgenext",
  "efficientnet",
  "eva",
  "hgnet",
  "hrnet",
  "levit",
  "mlp_mixer",
  "mobilenetv3",
  "nfnet",
  "regnet",
  "resnest",
  "resnet",
  "sequencer",
  "swin_transformer",
  "swin_transformer_v2",
  "vision_transformer",
  "volo",
];

describe("the smallest network of a family becomes kernels that every WebGPU device takes", () => {
  it.each(families)("%s", async (family) => {
    const [record] = sample(family, { full: 1, features: 0, options: 0 });
    if (record === undefined) throw new RangeError(`${family} has no record`);
    const { lowered } = await lowerRequest({ ...record.request, batch: 1 });
    runPipeline(lowered.graph, [...presets.O2, ...kernelPasses.O2]);
    const { kernels, shaders } = planWebGpu(buildProgram(lowered.graph));
    expect(shaders.length).toBeGreaterThan(0);
    expect(kernels.steps.flatMap(({ kernel }) => barrierFaults(kernel))).toEqual([]);
  });
});
