import type { StepTime } from "./model.ts";

/** A kernel's run with everything that it needs. */
export interface BoundStep {
  readonly name: string;
  readonly grid: readonly [number, number, number];
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
}

export function dispatch(pass: GPUComputePassEncoder, { pipeline, group, grid }: BoundStep): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...grid);
}

/** Queries that one set may hold are 4096, two of a step. */
const stepsAtOnce = 2048;

/** Runs the steps, each in a pass of its own, and reads what each took. The device has timestamps. */
export async function timeSteps(device: GPUDevice, steps: readonly BoundStep[]): Promise<StepTime[]> {
  const times: StepTime[] = [];
  for (let from = 0; from < steps.length; from += stepsAtOnce)
    times.push(...(await timeSome(device, steps.slice(from, from + stepsAtOnce))));
  return times;
}

const usage = { mapRead: 1, copySource: 4, copyTarget: 8, queryResolve: 0x200 } as const;

async function timeSome(device: GPUDevice, steps: readonly BoundStep[]): Promise<StepTime[]> {
  const count = steps.length * 2;
  const queries = device.createQuerySet({ type: "timestamp", count });
  const resolved = device.createBuffer({ size: count * 8, usage: usage.queryResolve | usage.copySource });
  const read = device.createBuffer({ size: count * 8, usage: usage.copyTarget | usage.mapRead });
  try {
    const encoder = device.createCommandEncoder();
    for (const [i, step] of steps.entries()) {
      const timestampWrites = { querySet: queries, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
      const pass = encoder.beginComputePass({ timestampWrites });
      dispatch(pass, step);
      pass.end();
    }
    encoder.resolveQuerySet(queries, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, read, 0, count * 8);
    device.queue.submit([encoder.finish()]);
    await read.mapAsync(1);
    const times = new BigUint64Array(read.getMappedRange());
    return steps.map(({ name }, i) => ({
      name,
      ms: Number((times[2 * i + 1] ?? 0n) - (times[2 * i] ?? 0n)) / 1e6,
    }));
  } finally {
    queries.destroy();
    resolved.destroy();
    read.destroy();
  }
}
