import { describe, expect, it } from "vitest";
import { type Kernel, buildProgram } from "../../../src/backends/kernel/build.ts";
import { type KernelShape, shapeOfKernel } from "../../../src/backends/kernel/choose-shape.ts";
import { chooseSchedule, scheduleOf, tileFor } from "../../../src/backends/kernel/choose.ts";
import { limits } from "../../../src/backends/kernel/limits.ts";
import { variable } from "../../../src/backends/kernel/index-expr.ts";
import { lower } from "../../../src/backends/kernel/lower.ts";
import { kernelPasses } from "../../../src/backends/kernel/passes.ts";
import { gpuTable } from "../../../src/backends/kernel/table.ts";
import { lowerRequest } from "../../../src/driver/lower-request.ts";
import { runPipeline } from "../../../src/passes/pass.ts";
import { presets } from "../../../src/passes/presets.ts";

async function kernelsOf(model: string, batch: number): Promise<readonly Kernel[]> {
  const { lowered } = await lowerRequest({ model, batch });
  runPipeline(lowered.graph, [...presets.O2, ...kernelPasses.O2]);
  return buildProgram(lowered.graph).kernels;
}

/** One kernel of each shape. */
const distinct = (kernels: readonly Kernel[]): readonly Kernel[] => [
  ...new Map(kernels.map((k) => [shapeOfKernel(k).key, k])).values(),
];

const threadsOf = (kernel: Kernel): number => {
  const { grid, workgroup } = lower(kernel.tile, chooseSchedule(kernel));
  return grid.reduce((a, b) => a * b, workgroup);
};

const kernelNamed = (kernels: readonly Kernel[], name: string): Kernel => {
  const found = kernels.find((k) => k.tile.name === name);
  if (found === undefined) throw new RangeError(`no kernel ${name}`);
  return found;
};

describe("schedules", () => {
  it.each([
    ["mobilenetv3_large_100", 1],
    ["efficientnet_b0", 64],
    ["resnet18", 64],
    ["vit_tiny_patch16_224", 1],
    ["swin_tiny_patch4_window7_224", 64],
    ["convnext_atto", 64],
  ] as const)("of %s at batch %i keep to the limits of every device", async (model, batch) => {
    for (const kernel of distinct(await kernelsOf(model, batch))) {
      const { grid, workgroup, shared } = lower(kernel.tile, chooseSchedule(kernel));
      const bytes = shared.reduce((sum, buffer) => sum + buffer.length * 4, 0);
      expect(
        [workgroup, Math.max(...grid), bytes].map(
          (n, i) => n <= ([limits.threads, limits.workgroups, limits.sharedBytes][i] ?? 0),
        ),
        shapeOfKernel(kernel).key,
      ).toEqual([true, true, true]);
    }
  });

  it("keep a device busy where there is work for it", async () => {
    const kernels = await kernelsOf("mobilenetv3_large_100", 1);
    for (const name of ["blocks.1.0.bn1.act", "blocks.5.1", "blocks.5.1.bn2.act"])
      expect(threadsOf(kernelNamed(kernels, name)), name).toBeGreaterThan(gpuTable.busy / 2);
    // A vector's product has a thousand results: its sums are shared.
    expect(threadsOf(kernelNamed(kernels, "classifier"))).toBeGreaterThan(4096);
  });

  it("have as many threads for maps whose rows are summed up as for others", async () => {
    const { lowered } = await lowerRequest({ model: "efficientnet_b0", batch: 1 });
    runPipeline(lowered.graph, presets.O2);
    const apart = new Map(buildProgram(lowered.graph).kernels.map((k) => [k.tile.name, k]));
    runPipeline(lowered.graph, kernelPasses.O2);
    const pooled = buildProgram(lowered.graph).kernels.filter((k) => k.group.pooled !== undefined);
    expect(pooled).toHaveLength(16);
    for (const kernel of pooled)
      expect(threadsOf(kernel)).toBeGreaterThanOrEqual(0.9 * threadsOf(apart.get(kernel.tile.name) as Kernel));
  });

  it("give a thread more of a product where there is more of it", async () => {
    const [one, many] = await Promise.all([1, 64].map((batch) => kernelsOf("resnet18", batch)));
    const held = (kernels: readonly Kernel[] = []): number => {
      const shape = shapeOfKernel(kernelNamed(kernels, "layer3.1.act1"));
      const { rows, columns } = tileFor(shape, gpuTable);
      return rows * columns;
    };
    expect(held(many)).toBeGreaterThan(held(one));
  });

  it("bring factors through the workgroup's memory where others run meanwhile", async () => {
    const stages = async (batch: number): Promise<number | undefined> =>
      chooseSchedule(kernelNamed(await kernelsOf("resnet18", batch), "layer2.1.act1")).stages;
    expect(await stages(1)).toBeUndefined();
    expect(await stages(64)).toBe(1);
  });

  it("put more into a block where there would be too many", () => {
    const axes = [variable("a0", 300), variable("a1", 300), variable("a2", 3), variable("a3", 5)];
    const shape: KernelShape = {
      kind: "elements",
      columns: axes[3],
      rows: axes.slice(0, 3).toReversed(),
      axes,
      sums: [],
      key: "",
    };
    const tile = { columns: 1, columnThreads: 1, rows: 1, rowThreads: 1, split: 1, unroll: 0, depth: 1, stages: 0 };
    const { plans } = scheduleOf(shape, tile);
    const blocks = (name: string): number => Math.ceil(300 / (plans[name]?.threads ?? 1));
    expect(blocks("a0") * blocks("a1")).toBeLessThanOrEqual(limits.workgroups);
  });

  it("take a measured tile in place of the class's", async () => {
    const [kernel] = await kernelsOf("resnet18", 1);
    if (kernel === undefined) throw new RangeError("no kernel");
    const shape = shapeOfKernel(kernel);
    const tile = { columns: 1, columnThreads: 4, rows: 2, rowThreads: 2, split: 1, unroll: 0, depth: 1, stages: 0 };
    const measured = { ...gpuTable, measured: { [shape.key]: tile } };
    expect(chooseSchedule(kernel, measured)).toEqual(scheduleOf(shape, tile));
    expect(chooseSchedule(kernel, measured)).not.toEqual(chooseSchedule(kernel));
  });
});
