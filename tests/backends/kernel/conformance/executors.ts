import { bindCommon } from "../../../../src/backends/kernel/bind.ts";
import { type Kernel, type Program, type Stored, buildProgram } from "../../../../src/backends/kernel/build.ts";
import { chooseSchedule } from "../../../../src/backends/kernel/choose.ts";
import { legalizeWgsl } from "../../../../src/backends/kernel/legalize.ts";
import { lower } from "../../../../src/backends/kernel/lower.ts";
import { kernelPasses } from "../../../../src/backends/kernel/passes.ts";
import type { Schedule } from "../../../../src/backends/kernel/schedule.ts";
import type { ThreadKernel } from "../../../../src/backends/kernel/thread.ts";
import { type Environment, evaluateWeight, interpret } from "../../../../src/ir/interpret.ts";
import type { NdArray } from "../../../../src/ir/ndarray.ts";
import type { StaticType } from "../../../../src/ir/type.ts";
import { runPipeline } from "../../../../src/passes/pass.ts";
import { type CaseGraph, environment } from "../../../ir/ops/case-graph.ts";
import { emitAndRun } from "../../onnx/emit-and-run.ts";
import { runProgram } from "../run-program.ts";
import { openWebGpu } from "./webgpu.ts";

export type Results = ReadonlyMap<string, NdArray>;

/** Runs all cases of a graph. */
export type Run = (cases: CaseGraph) => Promise<Results>;

/** Something that runs kernels, or the reference. */
export interface Executor {
  readonly name: string;
  /** Whether it runs kernels, so that ops without one are refused. */
  readonly kernels: boolean;
  readonly needsGpu?: boolean;
  /** `change` is made to every kernel before it runs. */
  open(change?: Change): Promise<Run>;
}

type Change = (kernel: ThreadKernel) => ThreadKernel;

const same: Change = (kernel) => kernel;

/** Cases have numbers for a batch. */
const environmentOf = (cases: CaseGraph): Environment => environment(cases, 1);

/** A program of kernels in threads, and the numbers of its inputs and weights. */
export interface Threads {
  readonly program: Program;
  readonly kernels: readonly ThreadKernel[];
  numbersOf(stored: Stored): NdArray;
}

export type Scheduling = (kernel: Kernel) => Schedule;

/** One thread for each element of the result, and no vectors: nothing that a schedule can do wrong. */
const scalar: Scheduling = () => ({ plans: {} });

/** The kernels of a graph, which is rewritten as kernels need it. */
export function threadsOf(cases: CaseGraph, schedule: Scheduling, change: Change): Threads {
  runPipeline(cases.graph, kernelPasses.O0);
  const program = buildProgram(cases.graph);
  const environ = environmentOf(cases);
  return {
    program,
    kernels: program.kernels.map((kernel) => bindCommon(change(lower(kernel.tile, schedule(kernel))))),
    numbersOf: ({ value }) =>
      value.isWeight ? evaluateWeight(value, environ) : environ.input(value.name, value.type as StaticType),
  };
}

const interpreted =
  (schedule: Scheduling, legalize: Change = same) =>
  async (change: Change = same): Promise<Run> =>
  async (cases) => {
    const { program, kernels, numbersOf } = threadsOf(cases, schedule, (kernel) => change(legalize(kernel)));
    return runProgram(program, kernels, numbersOf);
  };

const onDevice =
  (schedule: Scheduling) =>
  async (change: Change = same): Promise<Run> => {
    const run = await openWebGpu();
    return async (cases) => run(threadsOf(cases, schedule, (kernel) => change(legalizeWgsl(kernel))));
  };

export const reference = (cases: CaseGraph): Results => interpret(cases.graph, environmentOf(cases));

/**
 * What conforms to the reference interpreter. CUDA's kernels run the same shape classes in tests/backends/cuda/ops.test.ts, all in
 * one program: a compiler takes seconds for each.
 */
export const executors: readonly Executor[] = [
  {
    name: "ONNX Runtime",
    kernels: false,
    open: async () => async (cases) => (await emitAndRun(cases.graph, cases.numbers, [{}], 18))[0] ?? new Map(),
  },
  { name: "kernels, one element a thread", kernels: true, open: interpreted(scalar) },
  { name: "kernels, scheduled", kernels: true, open: interpreted(chooseSchedule) },
  { name: "kernels, legal in WGSL", kernels: true, open: interpreted(chooseSchedule, legalizeWgsl) },
  { name: "WGSL", kernels: true, needsGpu: true, open: onDevice(chooseSchedule) },
  { name: "WGSL, one element a thread", kernels: true, needsGpu: true, open: onDevice(scalar) },
];
