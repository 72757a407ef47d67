import type { Buffer } from "../../../../src/backends/kernel/expr.ts";
import { renamed } from "../../../../src/backends/kernel/rename.ts";
import type { ThreadKernel } from "../../../../src/backends/kernel/thread.ts";
import { printWgsl } from "../../../../src/backends/webgpu/print.ts";
import { testGpu } from "../../../webgpu-device.ts";
import { memoryOf, outputsOf } from "../run-program.ts";
import type { Results, Threads } from "./executors.ts";

const { storage, copyTo, copyFrom, mapRead } = { storage: 0x80, copyTo: 0x08, copyFrom: 0x04, mapRead: 0x01 };

/** Runs kernels as WGSL, all of a program in one pass, each tensor in a buffer of its own. */
export async function openWebGpu(): Promise<(threads: Threads) => Promise<Results>> {
  const adapter = await testGpu().requestAdapter();
  if (adapter === null) throw new RangeError("an adapter that was there is gone");
  const device = await adapter.requestDevice();
  const pipelines = new Map<string, Promise<GPUComputePipeline>>();
  const pipelineOf = (kernel: ThreadKernel): Promise<GPUComputePipeline> => {
    const code = printWgsl(renamed(kernel));
    const made =
      pipelines.get(code) ??
      device.createComputePipelineAsync({
        layout: "auto",
        compute: { module: device.createShaderModule({ code }) },
      });
    pipelines.set(code, made);
    return made;
  };
  return async ({ program, kernels, numbersOf }) => {
    const memory = memoryOf(program, numbersOf);
    const buffers = new Map<Buffer, GPUBuffer>();
    for (const [buffer, cells] of memory) {
      const made = device.createBuffer({ size: sizeOf(cells), usage: storage | copyTo | copyFrom });
      device.queue.writeBuffer(made, 0, cells);
      buffers.set(buffer, made);
    }
    const ready = await Promise.all(kernels.map(pipelineOf));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    kernels.forEach((kernel, i) => {
      const pipeline = ready[i] as GPUComputePipeline;
      const entries = kernel.buffers.map((b, binding) => ({
        binding,
        resource: { buffer: buffers.get(b) as GPUBuffer },
      }));
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
      pass.dispatchWorkgroups(...kernel.grid);
    });
    pass.end();
    const wanted = [...new Set(program.outputs.map(({ stored }) => stored.buffer))];
    const places = new Map<Buffer, number>();
    let size = 0;
    for (const buffer of wanted) {
      places.set(buffer, size);
      size += sizeOf(memory.get(buffer) ?? new Float32Array());
    }
    const staging = device.createBuffer({ size: Math.max(size, 16), usage: copyTo | mapRead });
    for (const [buffer, at] of places) {
      const from = buffers.get(buffer) as GPUBuffer;
      encoder.copyBufferToBuffer(from, 0, staging, at, from.size);
    }
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(1);
    const bytes = staging.getMappedRange();
    for (const [buffer, at] of places) memory.get(buffer)?.set(new Float32Array(bytes, at, buffer.length));
    staging.unmap();
    for (const made of [...buffers.values(), staging]) made.destroy();
    return outputsOf(program, memory);
  };
}

const sizeOf = (cells: Float32Array): number => Math.max(16, Math.ceil(cells.byteLength / 16) * 16);
