/** What a program asks of a device, in bytes. */
export interface Needs {
  /** The largest buffer. */
  readonly buffer: number;
  /** The largest range of it that a kernel is given. */
  readonly binding: number;
}

/** What went wrong, for programs: no WebGPU here, a device too small, lost, or a shader it does not take. */
export type FailureCode = "no-webgpu" | "too-large" | "out-of-memory" | "device-lost" | "shader" | "input";

/** Every failure of the runtime that a user can meet. */
export class WebGpuError extends Error {
  override readonly name = "WebGpuError";
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string, options?: { readonly cause: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * A device that a program fits on, with f16, subgroups and timestamps where the adapter has them. In Node `gpu` comes from the
 * package webgpu. Throws WebGpuError.
 */
export async function requestDevice(needs: Needs, gpu: GPU | undefined = browserGpu()): Promise<GPUDevice> {
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === undefined || adapter === null)
    throw new WebGpuError("no-webgpu", "there is no WebGPU adapter: the browser has none, or it is not enabled");
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  if (needs.buffer > maxBufferSize || needs.binding > maxStorageBufferBindingSize)
    throw new WebGpuError(
      "too-large",
      `the model needs a buffer of ${needs.buffer} bytes and a binding of ${needs.binding}; ` +
        `this adapter has ${maxBufferSize} and ${maxStorageBufferBindingSize}`,
    );
  const wanted = ["shader-f16", "subgroups", "timestamp-query"] as const;
  return adapter.requestDevice({
    requiredFeatures: wanted.filter((feature) => adapter.features.has(feature)),
    requiredLimits: {
      maxBufferSize: Math.max(needs.buffer, 268_435_456),
      maxStorageBufferBindingSize: Math.max(needs.binding, 134_217_728),
    },
  });
}

const browserGpu = (): GPU | undefined =>
  (globalThis as { readonly navigator?: { readonly gpu?: GPU } }).navigator?.gpu;
