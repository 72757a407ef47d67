import * as fc from "fast-check";
import { describe, it } from "vitest";
import { chooseSchedule } from "../../../../src/backends/kernel/choose.ts";
import type { Kernel } from "../../../../src/backends/kernel/build.ts";
import type { Schedule } from "../../../../src/backends/kernel/schedule.ts";
import { caseGraph, describeCase, expectClose } from "../../../ir/ops/case-graph.ts";
import { type OpCase, tolerances } from "../../../ir/ops/cases/case.ts";
import { type TestedOp, subjects } from "../../../ir/ops/cases/index.ts";
import { runProgram } from "../run-program.ts";
import { barrierFaults } from "../uniform.ts";
import { fixed } from "./drawn.ts";
import { reference, threadsOf } from "./executors.ts";

/** A schedule that fits a kernel's extents and that no table would choose: one axis of vectors, and threads and registers at random. */
function anySchedule(seeds: readonly number[]): (kernel: Kernel) => Schedule {
  return ({ tile }) => {
    let left = 64;
    const wide = (seeds[0] ?? 0) % Math.max(1, tile.axes.length);
    const plans = tile.axes.map((axis, i): [string, Schedule["plans"][string]] => {
      const seed = seeds[i % seeds.length] ?? 0;
      const vectors = i === wide ? [1, 2, 4].filter((v) => axis.extent % v === 0) : [];
      const vector = vectors.at(seed % 3) ?? 1;
      const registers = Math.max(1, Math.min(1 + (seed % 3), Math.floor(axis.extent / vector)));
      const threads = Math.min(left, 2 ** (seed % 4));
      left = Math.floor(left / threads);
      return [axis.name.split(".")[0] ?? axis.name, { threads, registers, vector: vector as 1 | 2 | 4 }];
    });
    return { plans: Object.fromEntries(plans) };
  };
}

/** What has windows, sums or rows: where a schedule decides what a kernel is. */
const ops = ["conv", "linear", "matmul", "attention", "max_pool", "avg_pool", "reduce_sum", "softmax"] as const;

describe("kernels of random shapes under random schedules", () => {
  it.each(ops)("%s", { timeout: 120_000 }, (op: TestedOp) => {
    fc.assert(
      fc.property(subjects[op].cases, fc.array(fc.nat(11), { minLength: 4, maxLength: 4 }), (drawn, seeds) => {
        const c = fixed(drawn) satisfies OpCase;
        for (const schedule of [anySchedule(seeds), chooseSchedule]) {
          const cases = caseGraph(op, [c]);
          const expected = reference(cases).get("y0");
          const { program, kernels, numbersOf } = threadsOf(
            cases,
            (k) => schedule(k),
            (k) => k,
          );
          const faults = kernels.flatMap(barrierFaults);
          if (faults.length > 0) throw new Error(faults.join("\n"));
          const actual = runProgram(program, kernels, numbersOf).get("y0");
          if (expected !== undefined)
            expectClose(
              actual,
              expected,
              tolerances[subjects[op].tolerance],
              () => `${describeCase(op, c)} ${seeds.join()}`,
            );
        }
      }),
      { numRuns: 20, seed: 6 },
    );
  });
});
