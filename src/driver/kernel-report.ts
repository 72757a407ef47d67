import type { Program } from "../backends/kernel/build.ts";
import { isMovement } from "../backends/kernel/ops/point.ts";
import { bytesOf } from "../backends/kernel/bindings.ts";
import type { KernelPlan, PlannedStep } from "../backends/kernel/plan.ts";
import { type Traffic, trafficOf } from "../backends/kernel/traffic.ts";
import type { OpName } from "../ir/ops/index.ts";
import { type Value, is } from "../ir/value.ts";
import { TimmcError } from "../ir/error.ts";
import type { Graph } from "../ir/graph.ts";
import { runPipeline } from "../passes/pass.ts";
import type { OptimizationLevel } from "../passes/presets.ts";
import type { FormRequest } from "./forms.ts";
import {
  type ArenaTensor,
  type KernelReport,
  type KernelStep,
  type KernelTarget,
  type TensorKind,
  kernelTargets,
  tensorKinds,
} from "./kernel-facts.ts";
import { defaultLevel, pipelineOf } from "./pipeline.ts";
import { cuda } from "./target/cuda.ts";
import { defaultTarget } from "./target/names.ts";
import { kernelPrecision } from "./target/kernels.ts";
import { webgpu } from "./target/webgpu.ts";

/** How a graph becomes kernels. Its target is one of `kernelTargets`. */
export type KernelsRequest = Pick<FormRequest, "target" | "precision" | "tiles"> & {
  readonly optimization?: OptimizationLevel | undefined;
  /** By name and in order, in place of the level's. */
  readonly passes?: readonly string[] | undefined;
};

/**
 * The kernels of a graph that no pass has seen; it stays as it is. Throws `usage` for a target without kernels, `unsupported` for a
 * network that has none.
 */
export function kernelReport(source: Graph, asked: KernelsRequest): KernelReport {
  const { optimization = defaultLevel, passes } = asked;
  const target = requireKernels(asked);
  const { graph } = source.clone();
  runPipeline(graph, pipelineOf(optimization, passes, { target }));
  const { program, plan } = targets[target].make(graph, asked);
  return { target, precision: kernelPrecision(target, asked), ...reportOf(program, plan) };
}

function requireKernels({ target }: KernelsRequest): KernelTarget {
  const found = kernelTargets.find((name) => name === target);
  if (found !== undefined) return found;
  throw new TimmcError("usage", `the target ${target ?? defaultTarget} has no kernels of timmc's`, {
    hint: `Use --target ${kernelTargets.join(" or ")}.`,
  });
}

const targets = { webgpu, cuda } as const;

function reportOf(program: Program, plan: KernelPlan): Omit<KernelReport, "target" | "precision"> {
  const stored = new Set(program.kernels.flatMap(({ group }) => storedBy(group)));
  const traffic = trafficOf(program);
  const steps = plan.steps.map((step, i) => stepReport(step, i, valuesOf(program, i, stored), traffic[i]));
  const sum = (of: (step: KernelStep) => number): number => steps.reduce((n, step) => n + of(step), 0);
  return {
    batch: plan.inputs[0]?.stored.value.type.shape[0] as number,
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
      tensors: plan.arena.tensors.flatMap((t) => tensorsIn(t, plan.steps, program)),
    },
  };
}

function stepReport(
  { name, kernel, bindings }: PlannedStep,
  step: number,
  values: readonly Value[],
  counted: Traffic | undefined,
): KernelStep {
  const moved = counted ?? copied(bindings);
  return {
    step,
    name,
    module: values.at(-1)?.origin.path ?? "",
    computes: values.length === 0 ? ["copy"] : wordsOf(values),
    grid: kernel.grid,
    threads: kernel.workgroup,
    bytes_read: Math.round(moved.reads),
    weight_bytes: Math.round(moved.weights),
    bytes_written: Math.round(moved.writes),
    flops: Math.round(moved.flops),
    workgroup_bytes: kernel.shared.reduce((n, buffer) => n + bytesOf(buffer), 0),
    bindings: bindings.map((binding, i) => {
      const buffer = kernel.buffers[i];
      return { ...binding, access: buffer !== undefined && kernel.writes.has(buffer) ? "write" : "read" };
    }),
  };
}

/** A kernel that the graph does not have: it copies an output into the order in which the caller wants it. */
function copied([from, to]: PlannedStep["bindings"]): Traffic {
  return { reads: from?.bytes ?? 0, weights: 0, writes: to?.bytes ?? 0, flops: 0 };
}

function wordsOf(values: readonly Value[]): readonly string[] {
  const rest = values.filter((v) => !isMovement(v));
  return (rest.length === 0 ? values : rest).map((v) => (is(v, "activation") ? v.attrs.kind : v.op));
}

/** What lies in a place of the arena one after the other: a kernel that writes all of it anew takes the place of what it reads. */
function tensorsIn(
  { name, bytes, offset, from, to }: KernelPlan["arena"]["tensors"][number],
  steps: KernelPlan["steps"],
  { kernels }: Program,
): ArenaTensor[] {
  const writes = ({ kernel, bindings }: PlannedStep): boolean =>
    bindings.some((b, i) => {
      const buffer = kernel.buffers[i];
      const isAll = b.memory === "arena" && b.offset === offset && b.bytes >= bytes;
      return isAll && buffer !== undefined && kernel.writes.has(buffer);
    });
  const later = steps.flatMap((step, i) => (i > from && i <= to && writes(step) ? [i] : []));
  return [from, ...later].map((begin, i) => ({
    name: i === 0 ? name : (steps[begin]?.name ?? ""),
    kind: begin < 0 ? "input" : kindOf(kernels[begin]?.group.root),
    output: i === later.length && to >= steps.length,
    bytes,
    offset,
    from: begin,
    to: (later[i] ?? to + 1) - 1,
  }));
}

const storedBy = ({ stored, also = [] }: Program["kernels"][number]["group"]): readonly Value[] => [...also, stored];

/** What a kernel computes: its group, and before it what no kernel stores, operands first. */
function valuesOf({ kernels }: Program, step: number, stored: ReadonlySet<Value>): readonly Value[] {
  const group = kernels[step]?.group;
  if (group === undefined) return [];
  const own = storedBy(group);
  const found = new Set<Value>();
  const visit = (value: Value | undefined): void => {
    if (value === undefined || value.isWeight || value.op === "input" || found.has(value)) return;
    if (stored.has(value) && !own.includes(value)) return;
    const operands = value === group.stored && group.part !== undefined ? [value.operands[group.part]] : value.operands;
    operands.forEach(visit);
    found.add(value);
  };
  own.forEach(visit);
  return [...found];
}

const kinds: { readonly [K in Exclude<TensorKind, "input" | "depthwise" | "elementwise">]: readonly OpName[] } = {
  convolution: ["conv", "fused_conv"],
  product: ["linear", "matmul"],
  attention: ["attention", "packed_attention"],
  norm: ["layer_norm", "rms_norm", "group_norm", "softmax"],
  pool: ["avg_pool", "max_pool", "reduce_mean", "reduce_sum", "reduce_max"],
};

function kindOf(root: Value | undefined): TensorKind {
  if (root !== undefined && is(root, "conv") && root.operands[1]?.type.shape[1] === 1 && root.attrs.groups > 1)
    return "depthwise";
  for (const kind of tensorKinds)
    if (kind in kinds && kinds[kind as keyof typeof kinds].some((op) => op === root?.op)) return kind;
  return "elementwise";
}
