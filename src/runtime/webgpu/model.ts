import { WebGpuError } from "./device.ts";
import type { Plan, Tensor } from "./plan.ts";
import { ordered, unordered } from "../order.ts";

/** A tensor in row-major order. */
export interface Values {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** The bytes of the weight file: all at once, or as they come. */
export type WeightBytes = ArrayBuffer | Uint8Array | ReadableStream<Uint8Array>;

export interface LoadOptions {
  readonly device: GPUDevice;
  readonly plan: Plan;
  /** WGSL, in the plan's order. */
  readonly shaders: readonly string[];
  readonly weights: WeightBytes;
  /** How many bytes of the weights are on the device. */
  readonly progress?: (done: number, all: number) => void;
}

/** A network on a device. Runs wait for each other. */
export interface Model {
  /** The outputs of one input, by their names. Throws WebGpuError. */
  run(input: Values): Promise<Record<string, Values>>;
  /** Milliseconds of each step of one run, where the device has timestamps; else undefined. */
  profile(input: Values): Promise<readonly { readonly name: string; readonly ms: number }[] | undefined>;
  /** Gives the memory back. */
  dispose(): void;
}

/** Puts a network on a device: buffers, pipelines and bind groups are made once, here. Throws WebGpuError. */
export async function loadModel(options: LoadOptions): Promise<Model> {
  const { device, plan } = options;
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  const loaded = await build(options).catch((cause: unknown) => cause as Error);
  const invalid = await device.popErrorScope();
  const memory = await device.popErrorScope();
  const failed = loaded instanceof Error;
  if (memory !== null || invalid !== null || failed) {
    if (!failed) loaded.dispose();
    if (memory !== null)
      throw new WebGpuError("out-of-memory", `the device has no room for ${plan.weights + plan.arena} bytes`);
    const cause = failed ? loaded : invalid;
    if (cause instanceof WebGpuError) throw cause;
    throw new WebGpuError("shader", `the device does not take the program: ${cause?.message ?? ""}`, { cause });
  }
  return loaded;
}

const { STORAGE, COPY_DST, COPY_SRC, MAP_READ } = { STORAGE: 0x80, COPY_DST: 0x08, COPY_SRC: 0x04, MAP_READ: 0x01 };

async function build({ device, plan, shaders, weights, progress }: LoadOptions): Promise<Model> {
  const lost = { reason: "" };
  void device.lost.then(({ message }) => {
    lost.reason = message === "" ? "it was lost" : message;
  });
  const memory = [
    device.createBuffer({ label: "weights", size: Math.max(plan.weights, 16), usage: STORAGE | COPY_DST }),
    device.createBuffer({ label: "arena", size: Math.max(plan.arena, 16), usage: STORAGE | COPY_DST | COPY_SRC }),
  ] as const;
  const layouts = new Map<number, GPUBindGroupLayout>();
  const layoutOf = (bindings: number): GPUBindGroupLayout => {
    const found =
      layouts.get(bindings) ??
      device.createBindGroupLayout({
        entries: Array.from({ length: bindings }, (_, binding) => ({
          binding,
          visibility: 4,
          buffer: { type: "storage" as const },
        })),
      });
    layouts.set(bindings, found);
    return found;
  };
  const bindingsOf = new Map(plan.steps.map((step) => [step.shader, step.bindings.length]));
  const [pipelines] = await Promise.all([
    Promise.all(
      shaders.map((code, i) =>
        device.createComputePipelineAsync({
          layout: device.createPipelineLayout({ bindGroupLayouts: [layoutOf(bindingsOf.get(i) ?? 0)] }),
          compute: { module: device.createShaderModule({ code }) },
        }),
      ),
    ),
    upload(device, memory[0], weights, plan.weights, progress),
  ]);
  const steps = plan.steps.map(({ shader, bindings, grid, name }) => ({
    name,
    grid,
    pipeline: pipelines[shader] as GPUComputePipeline,
    group: device.createBindGroup({
      layout: layoutOf(bindings.length),
      entries: bindings.map(([which, offset, size], binding) => ({
        binding,
        resource: { buffer: memory[which], offset, size },
      })),
    }),
  }));
  return new Network(device, plan, memory, steps, lost);
}

async function upload(
  device: GPUDevice,
  buffer: GPUBuffer,
  weights: WeightBytes,
  size: number,
  progress: LoadOptions["progress"],
): Promise<void> {
  let done = 0;
  let rest = new Uint8Array();
  const put = (bytes: Uint8Array, last: boolean): void => {
    const joined = new Uint8Array(rest.length + bytes.length);
    joined.set(rest);
    joined.set(bytes, rest.length);
    // A write is of whole words.
    const whole = last ? joined.length : joined.length - (joined.length % 4);
    if (done + whole > size) throw new WebGpuError("input", `the weights are more than ${size} bytes`);
    device.queue.writeBuffer(buffer, done, joined, 0, whole);
    rest = joined.slice(whole);
    done += whole;
    progress?.(done, size);
  };
  if (weights instanceof ReadableStream) {
    const reader = weights.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) put(part.value, false);
    put(new Uint8Array(), true);
  } else put(weights instanceof Uint8Array ? weights : new Uint8Array(weights), true);
  if (done !== size) throw new WebGpuError("input", `the weights have ${done} bytes, the plan says ${size}`);
}

interface BoundStep {
  readonly name: string;
  readonly grid: readonly [number, number, number];
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
}

const sizeOf = ({ shape }: Tensor): number => shape.reduce((n, d) => n * d, 4);

class Network implements Model {
  private readonly device: GPUDevice;
  private readonly plan: Plan;
  private readonly memory: readonly [GPUBuffer, GPUBuffer];
  private readonly steps: readonly BoundStep[];
  private readonly lost: { readonly reason: string };
  private readonly staging: GPUBuffer;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    device: GPUDevice,
    plan: Plan,
    memory: readonly [GPUBuffer, GPUBuffer],
    steps: readonly BoundStep[],
    lost: { readonly reason: string },
  ) {
    this.device = device;
    this.plan = plan;
    this.memory = memory;
    this.steps = steps;
    this.lost = lost;
    const size = plan.outputs.reduce((n, tensor) => n + sizeOf(tensor), 0);
    this.staging = device.createBuffer({ label: "outputs", size: Math.max(size, 16), usage: COPY_DST | MAP_READ });
  }

  run(input: Values): Promise<Record<string, Values>> {
    const result = this.queue.then(() => this.runOnce(input));
    this.queue = result.catch(() => undefined);
    return result;
  }

  async profile(input: Values): Promise<readonly { readonly name: string; readonly ms: number }[] | undefined> {
    if (!this.device.features.has("timestamp-query")) return undefined;
    const result = this.queue.then(() => this.timeOnce(input));
    this.queue = result.catch(() => undefined);
    return result;
  }

  dispose(): void {
    for (const buffer of [...this.memory, this.staging]) buffer.destroy();
  }

  private write({ dims, data }: Values): void {
    const [input] = this.plan.inputs;
    if (input === undefined) throw new WebGpuError("input", "the model takes no input");
    const fits = dims.length === input.shape.length && input.shape.every((d, axis) => dims[axis] === d);
    if (!fits || data.length * 4 !== sizeOf(input))
      throw new WebGpuError("input", `the input is [${dims.join(",")}]; the model takes [${input.shape.join(",")}]`);
    if (this.lost.reason !== "") throw new WebGpuError("device-lost", `the device is gone: ${this.lost.reason}`);
    this.device.queue.writeBuffer(this.memory[1], input.offset, ordered(data, input.shape, input.order));
  }

  private async runOnce(input: Values): Promise<Record<string, Values>> {
    this.write(input);
    const encoder = this.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const step of this.steps) dispatch(pass, step);
    pass.end();
    let at = 0;
    for (const output of this.plan.outputs) {
      encoder.copyBufferToBuffer(this.memory[1], output.offset, this.staging, at, sizeOf(output));
      at += sizeOf(output);
    }
    this.device.queue.submit([encoder.finish()]);
    await this.map();
    const mapped = this.staging.getMappedRange();
    const values: Record<string, Values> = {};
    at = 0;
    for (const { name, shape, order, ...rest } of this.plan.outputs) {
      const length = sizeOf({ name, shape, order, ...rest }) / 4;
      values[name] = { dims: shape, data: unordered(new Float32Array(mapped, at, length), shape, order) };
      at += length * 4;
    }
    this.staging.unmap();
    return values;
  }

  private async map(): Promise<void> {
    try {
      await this.staging.mapAsync(1);
    } catch (cause) {
      const reason = this.lost.reason === "" ? "its memory was given back" : this.lost.reason;
      throw new WebGpuError("device-lost", `the device is gone: ${reason}`, { cause });
    }
  }

  private async timeOnce(input: Values): Promise<readonly { readonly name: string; readonly ms: number }[]> {
    this.write(input);
    const count = this.steps.length * 2;
    const queries = this.device.createQuerySet({ type: "timestamp", count });
    const resolved = this.device.createBuffer({ size: count * 8, usage: 0x200 | COPY_SRC });
    const read = this.device.createBuffer({ size: count * 8, usage: COPY_DST | MAP_READ });
    try {
      const encoder = this.device.createCommandEncoder();
      this.steps.forEach((step, i) => {
        const timestampWrites = {
          querySet: queries,
          beginningOfPassWriteIndex: 2 * i,
          endOfPassWriteIndex: 2 * i + 1,
        };
        const pass = encoder.beginComputePass({ timestampWrites });
        dispatch(pass, step);
        pass.end();
      });
      encoder.resolveQuerySet(queries, 0, count, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, read, 0, count * 8);
      this.device.queue.submit([encoder.finish()]);
      await read.mapAsync(1);
      const times = new BigUint64Array(read.getMappedRange());
      return this.steps.map(({ name }, i) => ({
        name,
        ms: Number((times[2 * i + 1] ?? 0n) - (times[2 * i] ?? 0n)) / 1e6,
      }));
    } finally {
      queries.destroy();
      resolved.destroy();
      read.destroy();
    }
  }
}

function dispatch(pass: GPUComputePassEncoder, { pipeline, group, grid }: BoundStep): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...grid);
}
