import { describe, it } from "vitest";
import { bindCommon } from "../../../src/backends/kernel/bind.ts";
import { buildProgram } from "../../../src/backends/kernel/build.ts";
import { chooseSchedule } from "../../../src/backends/kernel/choose.ts";
import { lower } from "../../../src/backends/kernel/lower.ts";
import { kernelOps } from "../../../src/backends/kernel/ops/root.ts";
import type { Schedule } from "../../../src/backends/kernel/schedule.ts";
import { evaluateWeight, interpret } from "../../../src/ir/interpret.ts";
import { substituteDim } from "../../../src/ir/dim.ts";
import { caseGraph, describeCase, environment, expectClose, sample } from "../../ir/ops/case-graph.ts";
import { type OpCase, tolerances } from "../../ir/ops/cases/case.ts";
import { subjects, testedOps } from "../../ir/ops/cases/index.ts";
import { runProgram } from "./run-program.ts";

const batch = 2;
const runs = 40;

/** Kernels have no symbols: the batch is a number. */
const fixed = (c: OpCase): OpCase => ({
  operands: c.operands.map((x) => x && { ...x, shape: x.shape.map((d) => substituteDim(d, { N: batch })) }),
  attrs: Object.fromEntries(
    Object.entries(c.attrs).map(([k, v]) => [
      k,
      Array.isArray(v)
        ? v.map((d) =>
            typeof d === "object" && !Array.isArray(d) && d !== null ? substituteDim(d as never, { N: batch }) : d,
          )
        : v,
    ]),
  ) as OpCase["attrs"],
});

/** In float32, where the reference may be exact. */
const near = (t: { absolute: number; relative: number }): (typeof tolerances)[keyof typeof tolerances] =>
  ({ absolute: t.absolute + 1e-6, relative: t.relative + 1e-6 }) as (typeof tolerances)[keyof typeof tolerances];

const isFloat = (c: OpCase): boolean => c.operands.every((x) => x === undefined || x.dtype === "f32");

describe("kernels compute what the interpreter does", () => {
  it.each(testedOps.filter((op) => kernelOps.has(op)))("%s", (op) => {
    const { cases, tolerance } = subjects[op];
    for (const c of sample(cases, runs).map(fixed).filter(isFloat)) {
      const one = caseGraph(op, [c]);
      const [output] = one.graph.outputs;
      if (output === undefined || output.value.isWeight || output.value.type.dtype !== "f32") continue;
      const environ = environment(one, batch);
      const expected = interpret(one.graph, environ).get("y0");
      const program = buildProgram(one.graph);
      for (const schedule of [chooseSchedule, (): Schedule => ({ plans: {} })]) {
        const kernels = program.kernels.map((k) => bindCommon(lower(k.tile, schedule(k))));
        const actual = runProgram(program, kernels, ({ value }) =>
          value.isWeight ? evaluateWeight(value, environ) : environ.input(value.name, value.type as never),
        );
        if (expected !== undefined)
          expectClose(actual.get("y0"), expected, near(tolerances[tolerance]), () => describeCase(op, c));
      }
    }
  });
});
