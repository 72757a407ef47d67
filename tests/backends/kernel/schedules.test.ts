import { describe, expect, it } from "vitest";
import { bindCommon } from "../../../src/backends/kernel/bind.ts";
import { type Kernel, buildProgram } from "../../../src/backends/kernel/build.ts";
import { halvesAsWords, storedAlone } from "../../../src/backends/kernel/halves-as-words.ts";
import { literal } from "../../../src/backends/kernel/expr.ts";
import { constant } from "../../../src/backends/kernel/index-expr.ts";
import { lower } from "../../../src/backends/kernel/lower.ts";
import { matrixSchedule } from "../../../src/backends/kernel/matrix-schedule.ts";
import type { Plan, Schedule } from "../../../src/backends/kernel/schedule.ts";
import { stagedSchedule } from "../../../src/backends/kernel/staged-schedule.ts";
import type { BuildOptions } from "../../../src/backends/kernel/storage.ts";
import { printCuda } from "../../../src/backends/cuda/print.ts";
import type { Statement, ThreadKernel } from "../../../src/backends/kernel/thread.ts";
import { decodeFloat, encodeFloat } from "../../../src/ir/float.ts";
import { interpret } from "../../../src/ir/interpret.ts";
import { type NdArray, ndarray } from "../../../src/ir/ndarray.ts";
import type { OpName } from "../../../src/ir/ops/index.ts";
import { caseGraph, environment } from "../../ir/ops/case-graph.ts";
import type { OpCase, OperandSpec } from "../../ir/ops/cases/case.ts";
import { runProgram } from "./run-program.ts";

const map = (...shape: number[]): OperandSpec => ({ shape, dtype: "f32", weight: false, low: -1, high: 1 });
const weight = (...shape: number[]): OperandSpec => ({ ...map(...shape), weight: true });

const linear = (rows: number, depth: number, columns: number): OpCase => ({
  operands: [map(rows, depth), weight(columns, depth), weight(columns)],
  attrs: {},
});
const conv = (k: number, from: number, to: number, stride: number, size: number): OpCase => ({
  operands: [map(2, from, size, size), weight(to, from, k, k), weight(to)],
  attrs: { stride: [stride, stride], padding: [k >> 1, k >> 1, k >> 1, k >> 1], dilation: [1, 1], groups: 1 },
});
const attention = (queries: number, keys: number, width: number): OpCase => ({
  operands: [map(2, 3, queries, width), map(2, 3, keys, width), map(2, 3, keys, width), undefined],
  attrs: { scale: width ** -0.5 },
});
const plan = (threads: number, registers: number, vector: Plan["vector"], matrix?: Plan["matrix"]): Plan => ({
  threads,
  registers,
  vector,
  ...(matrix && { matrix }),
});

interface Ran {
  /** The largest difference from the interpreter's result. */
  readonly error: number;
  readonly kernel: ThreadKernel;
}

/** Runs one op under a schedule, its operands numbers that halves hold. `change` is done to the kernel before. */
function run(
  op: OpName,
  c: OpCase,
  schedule: Schedule | ((kernel: Kernel) => Schedule | undefined),
  options: BuildOptions = {},
  change: (kernel: ThreadKernel) => ThreadKernel = (kernel) => kernel,
): Ran {
  const one = caseGraph(op, [c]);
  const given = environment(one, 1);
  const rounded = ({ dtype, shape, data }: NdArray): NdArray =>
    ndarray(
      dtype,
      shape,
      data.map((v: number) => decodeFloat("f16", encodeFloat("f16", v))),
    );
  const environ: typeof given = {
    ...given,
    input: (name, type) => rounded(given.input(name, type)),
    param: (key, type) => rounded(given.param(key, type)),
  };
  const program = buildProgram(one.graph, options);
  const kernels = program.kernels.map((k) => {
    const chosen = typeof schedule === "function" ? schedule(k) : schedule;
    if (chosen === undefined) throw new RangeError(`no schedule for ${op}`);
    return change(bindCommon(lower(k.tile, chosen)));
  });
  const actual = runProgram(program, kernels, ({ value }) =>
    value.op === "param"
      ? environ.param((value.attrs as { key: string }).key, value.type as never)
      : environ.input(value.name, value.type as never),
  ).get("y0");
  const expected = interpret(one.graph, environ).get("y0");
  let error = actual === undefined || expected === undefined ? Infinity : 0;
  expected?.data.forEach((v: number, i: number) => {
    const apart = Math.abs(v - (actual?.data[i] ?? NaN));
    if (!(apart <= error)) error = apart;
  });
  const [kernel] = kernels;
  if (kernel === undefined) throw new RangeError("no kernel");
  return { error, kernel };
}

const halves: BuildOptions = { storage: "f16", flat: true, matrices: true };
const without = (body: readonly Statement[], kind: Statement["kind"]): Statement[] =>
  body
    .filter((s) => s.kind !== kind)
    .map((s) => (s.kind === "for" || s.kind === "if" ? { ...s, body: without(s.body, kind) } : s));
const count = (body: readonly Statement[], kind: Statement["kind"]): number =>
  body.reduce((n, s) => n + Number(s.kind === kind) + ("body" in s ? count(s.body, kind) : 0), 0);

describe("factors in workgroup memory", () => {
  const tiles = { m: plan(4, 2, 1), o: plan(4, 1, 4), c: plan(1, 1, 4) };

  it.each([0, 1, 2, 3])("a product of matrices with %i tiles at once", (stages) => {
    const { error, kernel } = run("linear", linear(37, 20, 24), { plans: tiles, stages });
    expect(error).toBeLessThan(1e-5);
    expect(kernel.shared.length).toBe(stages === 0 ? 0 : 2);
  });
  it.each([0, 1, 2, 3])("a convolution with a stride and borders, %i tiles at once", (stages) => {
    const plans = { ...tiles, x: plan(4, 2, 1), y: plan(2, 1, 1) };
    for (const c of [conv(3, 8, 20, 1, 9), conv(3, 8, 20, 2, 11)])
      expect(run("conv", c, { plans, stages }).error).toBeLessThan(1e-5);
  });
  it("a depth that no vector divides", () => {
    const plans = { ...tiles, c: plan(1, 4, 1) };
    expect(run("linear", linear(37, 19, 24), { plans, stages: 2 }).error).toBeLessThan(1e-5);
  });
  it("keys and values of an attention", () => {
    const plans = { e: plan(1, 8, 4), d: plan(1, 1, 4), m: plan(8, 1, 1), s: plan(1, 4, 1) };
    expect(run("attention", attention(19, 37, 32), { plans, stages: 1 }).error).toBeLessThan(1e-5);
  });
  it.each([
    [19, 37, 32],
    [18, 20, 64],
    [33, 9, 24],
  ])("an attention of %i queries and %i keys of %i, whose threads lie along both of its widths", (...extents) => {
    const { error, kernel } = run("attention", attention(...extents), stagedSchedule, { flat: true });
    expect(error).toBeLessThan(1e-5);
    expect(kernel.shared.length).toBeGreaterThanOrEqual(2);
    expect(kernel.workgroup).toBe(64);
  });
  it("as the tilings of float32 have it", () => {
    const { error, kernel } = run("linear", linear(250, 16, 512), stagedSchedule, { flat: true });
    expect(error).toBeLessThan(1e-5);
    expect(kernel.shared.length).toBe(2);
  });

  it("without its barriers two threads meet at an element", () => {
    const change = (k: ThreadKernel): ThreadKernel => ({ ...k, body: without(k.body, "barrier") });
    for (const stages of [1, 2])
      expect(() => run("linear", linear(37, 20, 24), { plans: tiles, stages }, {}, change)).toThrow(/barrier|thread/);
  });
  it("without waiting, copies have not arrived", () => {
    const change = (k: ThreadKernel): ThreadKernel => ({ ...k, body: without(k.body, "wait") });
    expect(run("linear", linear(37, 20, 24), { plans: tiles, stages: 3 }, {}, change).error).toBeNaN();
  });
});

describe("matrix instructions", () => {
  const tiles = { m: plan(2, 2, 1, "row"), o: plan(1, 2, 2, "column"), c: plan(1, 2, 2, "column") };

  it.each([0, 1, 2, 3])("a product with %i tiles at once", (stages) => {
    const { error, kernel } = run("linear", linear(37, 48, 24), { plans: tiles, stages, shuffles: true }, halves);
    expect(error).toBeLessThan(1e-5);
    expect(count(kernel.body, "mma")).toBeGreaterThan(0);
  });
  it("convolutions, whose places are rows", () => {
    for (const c of [conv(3, 16, 24, 2, 13), conv(3, 32, 24, 1, 7), conv(1, 32, 48, 1, 9)]) {
      const { error, kernel } = run("conv", c, matrixSchedule, halves);
      expect(error).toBeLessThan(1e-5);
      expect(count(kernel.body, "mma")).toBeGreaterThan(0);
    }
  });
  it.each([true, false])("attention, whose shares become factors in registers (exchanged there: %s)", (shuffles) => {
    const plans = {
      m: plan(2, 2, 1, "row"),
      s: plan(1, 4, 2, "column"),
      d: plan(1, 4, 2, "column"),
      e: plan(1, 4, 2, "column"),
    };
    for (const stages of [0, 1]) {
      const { error, kernel } = run("attention", attention(19, 37, 32), { plans, stages, shuffles }, halves);
      // Shares are rounded to halves: 2^-11 of values up to 1.
      expect(error).toBeLessThan(5e-4);
      expect(count(kernel.body, "mma")).toBeGreaterThan(0);
    }
  });
  it("numbers become halves on the way, and no copy moves other bytes", () => {
    const plans = { m: plan(2, 2, 1, "row"), o: plan(2, 2, 2, "column"), c: plan(1, 2, 2, "column") };
    const { error, kernel } = run("linear", linear(64, 64, 64), { plans, stages: 3 }, halves);
    expect(error).toBeLessThan(1e-5);
    expect(() => printCuda(kernel, "k", true)).not.toThrow();
  });
  it("are not taken for a single row", () => {
    const of = (rows: number): Schedule | undefined => {
      const [kernel] = buildProgram(caseGraph("linear", [linear(rows, 64, 64)]).graph, halves).kernels;
      return kernel && matrixSchedule(kernel);
    };
    expect([of(1), of(7)]).toEqual([undefined, undefined]);
    expect(of(8)).toBeDefined();
  });
  it("a sum that would share its threads with its result is refused", () => {
    const plans = { o: plan(1, 2, 2, "column"), c: plan(1, 2, 2, "column") };
    expect(() => run("linear", linear(1, 48, 24), { plans }, halves)).toThrow(/apart/);
  });
});

describe("halves as words", () => {
  const storage: BuildOptions = { storage: "f16" };

  it("are read and stored in pairs", () => {
    const plans = { m: plan(4, 1, 1), o: plan(2, 1, 2), c: plan(1, 1, 4) };
    const { error, kernel } = run("linear", linear(5, 12, 6), { plans }, storage, halvesAsWords);
    expect(error).toBeLessThan(1e-5);
    expect(storedAlone(kernel)).toEqual(new Set());
  });
  it("memory of a workgroup that is filled number by number holds numbers", () => {
    const { kernel } = run("linear", linear(5, 12, 6), { plans: { m: plan(4, 1, 1), o: plan(2, 1, 2) } }, storage);
    const buffer = { name: "s", space: "workgroup", storage: "f16", length: 8 } as const;
    const store = { kind: "store", buffer, index: constant(3), value: literal(1) } as const;
    const { shared } = halvesAsWords({ ...kernel, shared: [buffer], body: [store] });
    expect(shared.map((b) => b.storage)).toEqual(["f32"]);
  });
  it("numbers at places that only a run knows are halves of words", () => {
    const plans = { m: plan(4, 1, 1), o: plan(4, 1, 1), c: plan(1, 1, 1) };
    expect(run("linear", linear(5, 12, 6), { plans }, storage, halvesAsWords).error).toBeLessThan(1e-5);
  });
});
