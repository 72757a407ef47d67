/**
 * What went wrong, for programs: no WebGPU here, a device that is too small, full or lost, a shader that it does not take, an
 * input of another shape, files that are damaged, or a model whose memory was given back.
 */
export type FailureCode =
  | "no-webgpu"
  | "too-large"
  | "out-of-memory"
  | "device-lost"
  | "shader"
  | "input"
  | "artifact"
  | "disposed";

/** Every failure of the runtime that a user can meet. */
export class WebGpuError extends Error {
  override readonly name = "WebGpuError";
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string, options?: { readonly cause: unknown }) {
    super(message, options);
    this.code = code;
  }
}
