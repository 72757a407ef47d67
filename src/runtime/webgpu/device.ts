import { WebGpuError } from "./error.ts";
import { type Plan, bytesOf } from "./plan.ts";

/** What a program asks of a device, in bytes. */
export interface Needs {
  /** The largest buffer. */
  readonly buffer: number;
  /** The largest range of it that a kernel is given. */
  readonly binding: number;
}

/** What a model asks of a device; a device for several models takes the largest of their needs. */
export function needsOf({ weights, arena, outputs, steps }: Plan): Needs {
  const bindings = steps.flatMap((step) => step.bindings.map(([, , size]) => size));
  return {
    buffer: Math.max(
      weights,
      arena,
      outputs.reduce((n, tensor) => n + bytesOf(tensor), 0),
    ),
    binding: bindings.reduce((most, size) => Math.max(most, size), 0),
  };
}

/** What every device has. */
const least = { buffer: 268_435_456, binding: 134_217_728 };
/** What profiles need; nothing else depends on a feature. */
const timestamps: GPUFeatureName = "timestamp-query";

/**
 * A device that a program fits on, with timestamps where the adapter has them. In Node `gpu` comes from the
 * package webgpu. Throws WebGpuError.
 */
export async function requestDevice(needs: Needs, gpu: GPU | undefined = browserGpu()): Promise<GPUDevice> {
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === undefined || adapter === null)
    throw new WebGpuError(
      "no-webgpu",
      gpu === undefined
        ? "there is no WebGPU here: the browser lacks it, or the page is not a secure context (https or localhost)"
        : "there is no WebGPU adapter: the system has no graphics driver that it can use",
    );
  requireRoom(needs, adapter, "adapter");
  try {
    return await adapter.requestDevice({
      requiredFeatures: adapter.features.has(timestamps) ? [timestamps] : [],
      requiredLimits: {
        maxBufferSize: Math.max(needs.buffer, least.buffer),
        maxStorageBufferBindingSize: Math.max(needs.binding, least.binding),
      },
    });
  } catch (cause) {
    throw new WebGpuError("no-webgpu", `the adapter gives no device: ${(cause as Error).message}`, { cause });
  }
}

/** Throws `too-large` for a device, or an adapter, that a program does not fit on. */
export function requireRoom(
  { buffer, binding }: Needs,
  on: Pick<GPUAdapter | GPUDevice, "limits">,
  what: "adapter" | "device",
): void {
  const { maxBufferSize, maxStorageBufferBindingSize } = on.limits;
  if (buffer > maxBufferSize || binding > maxStorageBufferBindingSize)
    throw new WebGpuError(
      "too-large",
      `the model needs a buffer of ${buffer} bytes and a binding of ${binding}; ` +
        `this ${what} has ${maxBufferSize} and ${maxStorageBufferBindingSize}`,
    );
}

const browserGpu = (): GPU | undefined =>
  (globalThis as { readonly navigator?: { readonly gpu?: GPU } }).navigator?.gpu;
