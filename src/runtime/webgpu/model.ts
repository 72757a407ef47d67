import { needsOf, requestDevice, requireRoom } from "./device.ts";
import { WebGpuError } from "./error.ts";
import { type Plan, type Step, bytesOf, checkPlan } from "./plan.ts";
import { type BoundStep, dispatch, timeSteps } from "./steps.ts";
import { type WeightBytes, closeUnread, upload } from "./upload.ts";
import { type Values, decodeOutput, encodeInput } from "./values.ts";

export type { WeightBytes } from "./upload.ts";

export interface LoadOptions {
  /** plan.json as it was read; nothing in it is trusted. */
  readonly plan: unknown;
  /** WGSL, in the plan's order. */
  readonly shaders: readonly string[];
  /** A stream is cancelled where the model does not load. */
  readonly weights: WeightBytes;
  /** Where the model runs; without, a device of its own, which `dispose` gives back. */
  readonly device?: GPUDevice | undefined;
  /** Where such a device comes from; without, the browser's. */
  readonly gpu?: GPU | undefined;
  /** How many bytes of the weights are on the device. */
  readonly progress?: ((done: number, all: number) => void) | undefined;
}

/** Milliseconds of a step of a run, and the module path of what it stores. */
export interface StepTime {
  readonly name: string;
  readonly ms: number;
}

/** A network on a device. Runs wait for each other. */
export interface Model {
  readonly device: GPUDevice;
  /** The outputs of one input, by their names. Throws WebGpuError. */
  run(input: Values): Promise<Record<string, Values>>;
  /** What each step of one run takes, where the device has timestamps; else undefined. */
  profile(input: Values): Promise<readonly StepTime[] | undefined>;
  /** Gives the memory back, when runs that began have ended. */
  dispose(): void;
}

/** Puts a network on a device: buffers, pipelines and bind groups are made once, here. Throws WebGpuError. */
export async function loadModel(options: LoadOptions): Promise<Model> {
  try {
    return await load(options);
  } catch (error) {
    await closeUnread(options.weights);
    throw error;
  }
}

async function load(options: LoadOptions): Promise<Model> {
  const { shaders, weights, progress = () => {} } = options;
  const plan = checkPlan(options.plan, shaders);
  const needs = needsOf(plan);
  const device = options.device ?? (await requestDevice(needs, options.gpu));
  const own = options.device === undefined;
  requireRoom(needs, device, "device");
  const lost = { reason: "" };
  void device.lost.then(({ message, reason }) => {
    lost.reason = message === "" ? reason : message;
  });
  const buffers: GPUBuffer[] = [];
  const free = (): void => {
    for (const buffer of buffers) buffer.destroy();
    if (own) device.destroy();
  };
  try {
    const memory = await guarded(device, plan, () => {
      buffers.push(...buffersOf(device, plan));
      return buffers as [weights: GPUBuffer, arena: GPUBuffer, outputs: GPUBuffer];
    });
    const layouts = layoutsOf(device, plan);
    const pipelines = await whileUploading(
      (signal) => upload(device, memory[0], weights, { size: plan.weights, signal, progress }),
      Promise.all(shaders.map((code, i) => pipelineOf(device, code, layouts.ofShader(i)))),
    );
    const steps = await guarded(device, plan, () =>
      plan.steps.map(({ name, grid, shader, bindings }): BoundStep => ({
        name,
        grid,
        pipeline: pipelines[shader] as GPUComputePipeline,
        group: device.createBindGroup({
          layout: layouts.ofBindings(bindings),
          entries: bindings.map(([which, offset, size], binding) => ({
            binding,
            resource: { buffer: memory[which], offset, size },
          })),
        }),
      })),
    );
    if (lost.reason !== "") throw new Error(lost.reason);
    return new Network(device, plan, { arena: memory[1], outputs: memory[2], free, gpu: options.gpu }, steps, lost);
  } catch (cause) {
    free();
    if (cause instanceof WebGpuError || lost.reason === "") throw cause;
    throw new WebGpuError("device-lost", `the device is gone: ${lost.reason}`, { cause });
  }
}

// GPUBufferUsage, GPUShaderStage and GPUMapMode: in Node the constants are no globals.
const usage = { mapRead: 1, copySource: 4, copyTarget: 8, storage: 0x80 } as const;
const computeStage = 4;
const mapRead = 1;

/** The weights, the arena, and what the outputs are read through. */
function buffersOf(device: GPUDevice, { weights, arena, outputs }: Plan): GPUBuffer[] {
  const { mapRead: map, copySource, copyTarget, storage } = usage;
  const size = outputs.reduce((n, tensor) => n + bytesOf(tensor), 0);
  return [
    device.createBuffer({ label: "weights", size: Math.max(weights, 16), usage: storage | copyTarget }),
    device.createBuffer({ label: "arena", size: Math.max(arena, 16), usage: storage | copyTarget | copySource }),
    device.createBuffer({ label: "outputs", size: Math.max(size, 16), usage: copyTarget | map }),
  ];
}

/**
 * Kernels whose bindings are of the same memory have one layout. Weights are read only: the device refuses a shader that may write
 * them. The arena is one buffer, of which a device takes no range for reading beside one for writing.
 */
function layoutsOf(device: GPUDevice, { steps }: Plan) {
  const known = new Map<string, GPUBindGroupLayout>();
  const ofBindings = (bindings: Step["bindings"]): GPUBindGroupLayout => {
    const kinds = bindings.map(([which]) => which);
    const entries = kinds.map((which, binding) => ({
      binding,
      visibility: computeStage,
      buffer: { type: which === 0 ? ("read-only-storage" as const) : ("storage" as const) },
    }));
    const layout = known.get(kinds.join("")) ?? device.createBindGroupLayout({ entries });
    known.set(kinds.join(""), layout);
    return layout;
  };
  const bindings = new Map(steps.map((step) => [step.shader, step.bindings]));
  return { ofBindings, ofShader: (shader: number) => ofBindings(bindings.get(shader) ?? []) };
}

/** `work`, beside an upload that both wait for; where one fails, the upload has ended when this throws. */
async function whileUploading<T>(begin: (signal: AbortSignal) => Promise<void>, work: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const uploaded = begin(stop.signal);
  try {
    const [result] = await Promise.all([work, uploaded]);
    return result;
  } catch (error) {
    stop.abort();
    await uploaded.catch(() => undefined);
    throw error;
  }
}

async function pipelineOf(device: GPUDevice, code: string, layout: GPUBindGroupLayout): Promise<GPUComputePipeline> {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  const pipeline = device.createComputePipelineAsync({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module },
  });
  const [made, invalid] = await Promise.allSettled([pipeline, device.popErrorScope()]);
  if (made.status === "fulfilled") return made.value;
  const { messages } = await module.getCompilationInfo();
  const [first] = messages.filter((m) => m.type === "error");
  const scoped = invalid.status === "fulfilled" ? invalid.value?.message : undefined;
  const why =
    first === undefined
      ? (scoped ?? String((made.reason as Error).message))
      : `line ${first.lineNum}, column ${first.linePos}: ${first.message}`;
  throw new WebGpuError("shader", `the device does not take a shader: ${why}`, { cause: made.reason });
}

/** `body()`, and what the device says of it. Scopes are closed before anything else runs, so that loads do not mix. */
async function guarded<T>(device: GPUDevice, { weights, arena }: Plan, body: () => T): Promise<T> {
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  const result = attempt(body);
  const [invalid, full] = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
  if (full !== null)
    throw new WebGpuError("out-of-memory", `the device has no room for ${weights + arena} bytes: ${full.message}`);
  if (invalid !== null) throw new WebGpuError("shader", `the device refuses the program: ${invalid.message}`);
  return result();
}

/** Gives the result, or throws what was thrown, when it is called. */
function attempt<T>(body: () => T): () => T {
  try {
    const value = body();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

interface Memory {
  readonly arena: GPUBuffer;
  readonly outputs: GPUBuffer;
  free(): void;
  /** Kept for as long as the model: in Node a device crashes when what it comes from is collected before it. */
  readonly gpu: GPU | undefined;
}

class Network implements Model {
  readonly device: GPUDevice;
  private readonly plan: Plan;
  private readonly memory: Memory;
  private readonly steps: readonly BoundStep[];
  private readonly lost: { readonly reason: string };
  private queue: Promise<unknown> = Promise.resolve();
  private disposed = false;

  constructor(
    device: GPUDevice,
    plan: Plan,
    memory: Memory,
    steps: readonly BoundStep[],
    lost: { readonly reason: string },
  ) {
    this.device = device;
    this.plan = plan;
    this.memory = memory;
    this.steps = steps;
    this.lost = lost;
  }

  run(input: Values): Promise<Record<string, Values>> {
    return this.inTurn(() => this.runOnce(input));
  }

  async profile(input: Values): Promise<readonly StepTime[] | undefined> {
    if (!this.device.features.has("timestamp-query")) return undefined;
    return this.inTurn(async () => {
      this.write(input);
      return this.awaited(timeSteps(this.device, this.steps));
    });
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    void this.queue.then(() => this.memory.free());
  }

  /** Runs wait for each other: they share the arena. */
  private inTurn<T>(body: () => Promise<T>): Promise<T> {
    if (this.disposed) return Promise.reject(new WebGpuError("disposed", "the model was disposed of"));
    const result = this.queue.then(body);
    this.queue = result.catch(() => undefined);
    return result;
  }

  private write(values: Values): void {
    const [input] = this.plan.inputs;
    if (input === undefined) throw new WebGpuError("artifact", "the model takes no input");
    const stored = encodeInput(input, values);
    if (this.lost.reason !== "") throw this.gone();
    this.device.queue.writeBuffer(this.memory.arena, input.offset, stored);
  }

  private async runOnce(input: Values): Promise<Record<string, Values>> {
    const { device, plan, memory } = this;
    this.write(input);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const step of this.steps) dispatch(pass, step);
    pass.end();
    let at = 0;
    for (const output of plan.outputs) {
      encoder.copyBufferToBuffer(memory.arena, output.offset, memory.outputs, at, bytesOf(output));
      at += bytesOf(output);
    }
    device.pushErrorScope("validation");
    device.queue.submit([encoder.finish()]);
    const invalid = await this.awaited(device.popErrorScope());
    if (invalid !== null) throw new WebGpuError("shader", `the device refuses the run: ${invalid.message}`);
    await this.awaited(memory.outputs.mapAsync(mapRead));
    const mapped = memory.outputs.getMappedRange();
    at = 0;
    const values = plan.outputs.map((output) => {
      const decoded = decodeOutput(output, new Float32Array(mapped, at, bytesOf(output) / 4));
      at += bytesOf(output);
      return [output.name, decoded] as const;
    });
    memory.outputs.unmap();
    // Own properties, whatever the plan calls them: assigning to __proto__ would make none.
    return Object.fromEntries(values);
  }

  private async awaited<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (cause) {
      throw this.gone(cause);
    }
  }

  private gone(cause?: unknown): WebGpuError {
    const reason = this.lost.reason === "" ? (cause as Error).message : this.lost.reason;
    return new WebGpuError("device-lost", `the device is gone: ${reason}`, { cause });
  }
}
