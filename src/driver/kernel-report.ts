import { type Program, buildProgram } from "../backends/kernel/build.ts";
import { kernelPasses } from "../backends/kernel/passes.ts";
import { bytesOf } from "../backends/kernel/bindings.ts";
import { type KernelPlan, type PlannedStep, planKernels } from "../backends/kernel/plan.ts";
import { type Traffic, trafficOf } from "../backends/kernel/traffic.ts";
import { planWebGpu } from "../backends/webgpu/plan.ts";
import type { OpName } from "../ir/ops/index.ts";
import type { Value } from "../ir/value.ts";
import { runPipeline } from "../passes/pass.ts";
import { type OptimizationLevel, presets } from "../passes/presets.ts";
import { type LoweredRequest, lowerResolved } from "./lower-request.ts";

export const kernelTargets = ["webgpu", "cuda"] as const;
export type KernelTarget = (typeof kernelTargets)[number];

/** What runs a network on a target: its kernels in order, and where tensors lie while they run. */
export interface KernelReport {
  readonly target: KernelTarget;
  readonly batch: number;
  readonly steps: readonly KernelStep[];
  readonly totals: KernelTotals;
  readonly arena: ArenaReport;
}

/** One kernel's run. */
export interface KernelStep {
  readonly step: number;
  /** The module whose result it stores. */
  readonly module: string;
  /** The ops that it computes, in order, with those that are computed where they are read. */
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

export interface StepBinding {
  readonly memory: "weights" | "arena";
  readonly access: "read" | "write";
  readonly offset: number;
  readonly bytes: number;
}

export interface KernelTotals {
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

export const tensorKinds = ["input", "convolution", "product", "attention", "norm", "pool", "elementwise"] as const;
/** What computes a tensor. */
export type TensorKind = (typeof tensorKinds)[number];

/** A tensor from the step that stores it to the last that reads it, both included. */
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

export interface KernelRequest {
  readonly target: KernelTarget;
  readonly optimization?: OptimizationLevel | undefined;
}

/** The kernels of a model at the batch that was asked for, 1 where none was. */
export function kernelReport(lowering: LoweredRequest, { target, optimization = "O2" }: KernelRequest): KernelReport {
  const batch = typeof lowering.request.batch === "number" ? lowering.request.batch : 1;
  const { graph } = lowerResolved(lowering.resolved, { ...lowering.request, taps: lowering.tapNames, batch }).lowered;
  runPipeline(graph, [...presets[optimization], ...kernelPasses[optimization]]);
  const program = buildProgram(graph);
  return reportOf(program, planOf(program, target), { target, batch });
}

const planOf = (program: Program, target: KernelTarget): KernelPlan =>
  target === "webgpu" ? planWebGpu(program).kernels : planKernels(program, (kernel) => kernel);

function reportOf(
  program: Program,
  plan: KernelPlan,
  { target, batch }: Pick<KernelReport, "target" | "batch">,
): KernelReport {
  const stored = new Set(program.kernels.map((kernel) => kernel.group.stored));
  const traffic = trafficOf(program);
  const steps = plan.steps.map((step, i) => stepReport(step, i, valuesOf(program, i, stored), traffic[i]));
  const sum = (of: (step: KernelStep) => number): number => steps.reduce((n, step) => n + of(step), 0);
  return {
    target,
    batch,
    steps,
    totals: {
      steps: steps.length,
      bytes_read: sum((s) => s.bytes_read),
      weight_bytes: sum((s) => s.weight_bytes),
      bytes_written: sum((s) => s.bytes_written),
      flops: sum((s) => s.flops),
    },
    arena: {
      bytes: plan.arena.bytes,
      lower_bound: plan.arena.lowerBound,
      tensors: plan.arena.tensors.map(({ name, bytes, offset, from, to }) => ({
        name,
        kind: from < 0 ? "input" : kindOf(program.kernels[from]?.group.root),
        output: to >= plan.steps.length,
        bytes,
        offset,
        from,
        to,
      })),
    },
  };
}

function stepReport(
  { name, kernel, bindings }: PlannedStep,
  step: number,
  values: readonly Value[],
  moved: Traffic | undefined,
): KernelStep {
  return {
    step,
    module: name,
    computes: values.map((value) => value.op),
    grid: kernel.grid,
    threads: kernel.workgroup,
    bytes_read: moved?.reads ?? 0,
    weight_bytes: moved?.weights ?? 0,
    bytes_written: moved?.writes ?? 0,
    flops: moved?.flops ?? 0,
    workgroup_bytes: kernel.shared.reduce((n, buffer) => n + bytesOf(buffer), 0),
    bindings: bindings.map((binding, i) => {
      const buffer = kernel.buffers[i];
      return { ...binding, access: buffer !== undefined && kernel.writes.has(buffer) ? "write" : "read" };
    }),
  };
}

/** What a kernel computes: its group, and before it what no kernel stores, operands first. */
function valuesOf({ kernels }: Program, step: number, stored: ReadonlySet<Value>): readonly Value[] {
  const found = new Set<Value>();
  const visit = (value: Value | undefined): void => {
    if (value === undefined || value.isWeight || value.op === "input" || found.has(value)) return;
    if (stored.has(value) && value !== kernels[step]?.group.stored) return;
    value.operands.forEach(visit);
    found.add(value);
  };
  visit(kernels[step]?.group.stored);
  return [...found];
}

const kinds: { readonly [K in Exclude<TensorKind, "input" | "elementwise">]: readonly OpName[] } = {
  convolution: ["conv", "fused_conv"],
  product: ["linear", "matmul"],
  attention: ["attention", "packed_attention"],
  norm: ["layer_norm", "rms_norm", "group_norm", "softmax"],
  pool: ["avg_pool", "max_pool", "reduce_mean", "reduce_sum", "reduce_max"],
};

function kindOf(root: Value | undefined): TensorKind {
  for (const kind of tensorKinds)
    if (kind in kinds && kinds[kind as keyof typeof kinds].some((op) => op === root?.op)) return kind;
  return "elementwise";
}
