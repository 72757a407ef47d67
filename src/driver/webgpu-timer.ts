import { bytesOf } from "../backends/kernel/bindings.ts";
import type { ThreadKernel } from "../backends/kernel/thread.ts";
import { printWgsl } from "../backends/webgpu/print.ts";
import { requestDevice } from "../runtime/webgpu/device.ts";
import { findGpu } from "../runtime/webgpu-node.ts";
import type { KernelTimer, TimedKernel } from "./kernel-timer.ts";

/** As the bits of GPUBufferUsage. */
const usage = { MAP_READ: 0x1, COPY_SRC: 0x4, COPY_DST: 0x8, STORAGE: 0x80, QUERY_RESOLVE: 0x200 } as const;

/** Milliseconds that a measurement takes at least: a kernel is run as often as fills them, up to `mostRuns` times. */
const leastTime = 1;
const mostRuns = 64;

/** Kernels on this machine's WebGPU device, in `buffer` bytes of memory at most for each binding. Throws as `findGpu`. */
export async function openWebGpuTimer(bytes: number): Promise<KernelTimer> {
  const { gpu, facts } = await findGpu();
  const device = await requestDevice({ buffer: bytes, binding: bytes }, gpu);
  const clock = device.features.has("timestamp-query") ? timestamps(device) : wallClock(device);
  // A device ends with the last reference to what it came from.
  const held: GPU[] = [gpu];
  let slots: GPUBuffer[] = [];
  const release = (): void => {
    for (const buffer of slots) buffer.destroy();
    slots = [];
  };
  return {
    device: facts.device ?? "unknown",
    prepare: (kernels) => {
      release();
      slots = buffersFor(device, kernels);
      return Promise.all(kernels.map((kernel) => timedKernel(device, kernel, slots, clock)));
    },
    close: async () => {
      release();
      device.destroy();
      await device.lost;
      held.length = 0;
    },
  };
}

/** A buffer for each binding, as large as the largest there. */
function buffersFor(device: GPUDevice, kernels: readonly ThreadKernel[]): GPUBuffer[] {
  const sizes: number[] = [];
  for (const { buffers } of kernels)
    buffers.forEach((buffer, i) => {
      sizes[i] = Math.max(sizes[i] ?? 16, Math.ceil(bytesOf(buffer) / 16) * 16);
    });
  return sizes.map((size) => device.createBuffer({ size, usage: usage.STORAGE }));
}

type Clock = (encode: (pass: GPUComputePassEncoder) => void) => Promise<number>;

async function timedKernel(
  device: GPUDevice,
  kernel: ThreadKernel,
  slots: readonly GPUBuffer[],
  clock: Clock,
): Promise<TimedKernel | undefined> {
  device.pushErrorScope("validation");
  const code = printWgsl(kernel);
  const made = device
    .createComputePipelineAsync({ layout: "auto", compute: { module: device.createShaderModule({ code }) } })
    .catch(() => undefined);
  const refused = await device.popErrorScope();
  const pipeline = await made;
  if (pipeline === undefined || refused !== null) return undefined;
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: kernel.buffers.map((_, binding) => ({ binding, resource: { buffer: slots[binding] as GPUBuffer } })),
  });
  let runs = 1;
  const time = async (): Promise<number> => {
    const all = await clock((pass) => {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      for (let run = 0; run < runs; run++) pass.dispatchWorkgroups(...kernel.grid);
    });
    const one = all / runs;
    runs = Math.min(mostRuns, Math.max(1, Math.ceil(leastTime / Math.max(one, 1e-6))));
    return one;
  };
  return { time };
}

/** Milliseconds of a pass by the device's own clock. */
function timestamps(device: GPUDevice): Clock {
  const querySet = device.createQuerySet({ type: "timestamp", count: 2 });
  const resolved = device.createBuffer({ size: 16, usage: usage.QUERY_RESOLVE | usage.COPY_SRC });
  const read = device.createBuffer({ size: 16, usage: usage.COPY_DST | usage.MAP_READ });
  return async (encode) => {
    const encoder = device.createCommandEncoder();
    const timestampWrites = { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
    const pass = encoder.beginComputePass({ timestampWrites });
    encode(pass);
    pass.end();
    encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, read, 0, 16);
    device.queue.submit([encoder.finish()]);
    await read.mapAsync(usage.MAP_READ);
    const [from = 0n, to = 0n] = new BigUint64Array(read.getMappedRange());
    read.unmap();
    return Number(to - from) / 1e6;
  };
}

/** The same by this process's clock, with what submitting takes. */
const wallClock =
  (device: GPUDevice): Clock =>
  async (encode) => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encode(pass);
    pass.end();
    const from = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - from;
  };
