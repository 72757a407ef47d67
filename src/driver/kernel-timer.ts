import type { ThreadKernel } from "../backends/kernel/thread.ts";

/** What measures kernels on a device. */
export interface KernelTimer {
  /** The device, as people know it. */
  readonly device: string;
  /**
   * Makes kernels ready that read and write memory of the same sizes; the ones before are given back. Undefined for one that the
   * device does not take.
   */
  prepare(kernels: readonly ThreadKernel[]): Promise<readonly (TimedKernel | undefined)[]>;
  close(): Promise<void>;
}

export interface TimedKernel {
  /** Runs it and gives the milliseconds of a run. */
  time(): Promise<number>;
}
