import { describe, expect, it } from "vitest";
import type { Program } from "../../../src/backends/kernel/build.ts";
import type { Buffer } from "../../../src/backends/kernel/expr.ts";
import { wholeOf } from "../../../src/backends/kernel/stored.ts";
import type { TileStatement } from "../../../src/backends/kernel/tile.ts";
import { buildCuda } from "../../../src/backends/cuda/plan.ts";
import { buildWebGpu } from "../../../src/backends/webgpu/plan.ts";
import { lowerRequest } from "../../../src/driver/lower-request.ts";
import { pipelineOf } from "../../../src/driver/pipeline.ts";
import { storedValues } from "../../../src/driver/target/kernel-fault.ts";
import { kernelGraph } from "../../../src/driver/target/kernels.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import { runPipeline } from "../../../src/passes/pass.ts";

const builds = { webgpu: buildWebGpu, cuda: buildCuda } as const;

async function graphOf(model: string, target: keyof typeof builds): Promise<Graph> {
  const { graph } = (await lowerRequest({ model, batch: 1 })).lowered;
  runPipeline(graph, pipelineOf("O2", null, { target }));
  return kernelGraph(graph);
}

const buffersIn = (body: readonly TileStatement[]): readonly Buffer[] =>
  body.flatMap((s) => (s.kind === "loop" ? buffersIn(s.body) : s.kind === "store" ? [s.buffer] : []));

/** The names of the tensors that the statements of a program's kernels write. */
function written(program: Program): readonly string[] {
  const stored = program.kernels.flatMap(({ output, others = [] }) => [...others, output].map(wholeOf));
  const owners = new Map(stored.map(({ buffer, value }) => [buffer, value.name]));
  return program.kernels.flatMap(({ tile }) => buffersIn(tile.body)).map((buffer) => owners.get(buffer) ?? "");
}

describe.each(["webgpu", "cuda"] as const)("what kernels for %s store", (target) => {
  it("is all that they write, beside their last result too, and can be kept", async () => {
    const graph = await graphOf("mobilenetv3_small_050", target);
    const program = builds[target](graph, "fp16");
    const stored = storedValues(program);
    expect(program.kernels.some(({ others = [] }) => others.length > 0)).toBe(true);
    expect(stored.map(({ name }) => name).toSorted()).toEqual([...new Set(written(program))].toSorted());
    graph.setOutputs(stored.map((value) => ({ name: value.name, value })));
    expect(builds[target](graph, "fp16").outputs.map(({ name }) => name)).toEqual(stored.map(({ name }) => name));
  });

  it("is no weight that is copied into a result", async () => {
    const graph = await graphOf("test_vit", target);
    const stored = storedValues(builds[target](graph, "fp32"));
    expect(stored.filter(({ isWeight }) => isWeight)).toEqual([]);
    graph.setOutputs(stored.map((value) => ({ name: value.name, value })));
    expect(builds[target](graph, "fp32").outputs.length).toBe(stored.length);
  });
});
