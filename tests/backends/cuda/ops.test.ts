import { beforeAll, describe, expect, it } from "vitest";
import { expectClose } from "../../ir/ops/case-graph.ts";
import { tolerances } from "../../ir/ops/cases/case.ts";
import type { TestedOp } from "../../ir/ops/cases/index.ts";
import { temporaryFolder } from "../../driver/workspace.ts";
import { runEmulated, writeGraph } from "./emulated.ts";
import { kernelCases, mixedGraph, weightCases } from "./mixed-graph.ts";

const at = temporaryFolder();

/** The third run is the second of a captured graph. */
const runs = 3;

/** What rounding to a half changes, relatively, at most. */
const half = 2 ** -11;

/**
 * How far results are off besides, where weights are halves. A copy of a weight is one rounding. Of a product of numbers of
 * magnitude 1 each factor is rounded, by 2 half at most together; roundings are independent, so that sums of n products are off by
 * some 2 sqrt(n) half, and n is 256 where most are summed up.
 */
const roundings: { readonly [N in TestedOp]?: { readonly absolute: number; readonly relative: number } } = {
  concat: { absolute: 0, relative: half },
  conv: { absolute: 32 * half, relative: 0 },
  linear: { absolute: 32 * half, relative: 0 },
};

// Inputs and outputs are float32: of one op alone only weights are halves.
describe.each([
  ["fp32", kernelCases],
  ["fp16", weightCases],
] as const)("CUDA's kernels of %s under emulation compute what the interpreter does", (precision, ops) => {
  const { graph, numbers, expected } = mixedGraph(ops);
  let results: Awaited<ReturnType<typeof runEmulated>> = [];

  beforeAll(async () => {
    const { kernels } = await writeGraph(at(precision), graph, numbers, { precision });
    expect(kernels.some(({ text }) => text.includes("mma_"))).toBe(precision === "fp16");
    results = await runEmulated(at(precision), numbers, { flags: ["-O1"], runs });
  }, 600_000);

  it.each(ops)("%s", (op) => {
    const more = (precision === "fp16" ? roundings[op] : undefined) ?? { absolute: 0, relative: 0 };
    for (const [name, { result, tolerance, what }] of expected.get(op) ?? []) {
      const { absolute, relative } = tolerances[tolerance];
      const allowed = { absolute: absolute + more.absolute, relative: relative + more.relative };
      expectClose(results[0]?.get(name), result, allowed, () => what);
    }
  });

  it("every run gives the same numbers", () => {
    expect(results).toHaveLength(runs);
    for (const again of results) expect(again).toEqual(results[0]);
  });
});
