import type { KernelPrecision } from "../backends/kernel/precision.ts";
import type { TargetName } from "./target/names.ts";

/** Targets whose kernels timmc writes itself. */
export const kernelTargets = ["webgpu", "cuda"] as const satisfies readonly TargetName[];
export type KernelTarget = (typeof kernelTargets)[number];

/** What runs a network on a target: its kernels in order, and where tensors lie while they run. */
export interface KernelReport {
  readonly target: KernelTarget;
  readonly precision: KernelPrecision;
  readonly batch: number;
  readonly steps: readonly KernelStep[];
  readonly totals: KernelTotals;
  readonly arena: ArenaReport;
}

/** One kernel's run. */
export interface KernelStep {
  readonly step: number;
  /** The value that it stores, and the module of that. */
  readonly name: string;
  readonly module: string;
  /** Its ops in order, with those that are computed where they are read; movements where there is nothing else. */
  readonly computes: readonly string[];
  /** Workgroups, and threads of each. */
  readonly grid: readonly [number, number, number];
  readonly threads: number;
  /** Of tensors in the device's memory, each element once. */
  readonly bytes_read: number;
  /** The same of weights. */
  readonly weight_bytes: number;
  readonly bytes_written: number;
  readonly flops: number;
  /** Memory that the threads of a workgroup share. */
  readonly workgroup_bytes: number;
  readonly bindings: readonly StepBinding[];
}

interface StepBinding {
  readonly memory: "weights" | "arena";
  readonly access: "read" | "write";
  readonly offset: number;
  readonly bytes: number;
}

interface KernelTotals {
  readonly steps: number;
  readonly bytes_read: number;
  readonly weight_bytes: number;
  readonly bytes_written: number;
  readonly flops: number;
}

/** The memory that all tensors but weights share. */
export interface ArenaReport {
  readonly bytes: number;
  /** The most that is alive at one step: no arena is smaller. */
  readonly lower_bound: number;
  readonly tensors: readonly ArenaTensor[];
}

export const tensorKinds = [
  "input",
  "convolution",
  "depthwise",
  "product",
  "attention",
  "norm",
  "pool",
  "elementwise",
] as const;
/** What computes a tensor. */
export type TensorKind = (typeof tensorKinds)[number];

/**
 * A tensor from the step that stores it to the last that reads it, both included; where the next one takes its place, to the step before
 * that.
 */
export interface ArenaTensor {
  readonly name: string;
  readonly kind: TensorKind;
  /** The caller reads it when all steps have run. */
  readonly output: boolean;
  readonly bytes: number;
  readonly offset: number;
  /** -1 of the input: it is there before the first step. */
  readonly from: number;
  /** The number of steps of an output: it is there behind the last one. */
  readonly to: number;
}
