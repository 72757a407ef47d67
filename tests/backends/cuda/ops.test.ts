import { beforeAll, describe, expect, it } from "vitest";
import { expectClose } from "../../ir/ops/case-graph.ts";
import { tolerances } from "../../ir/ops/cases/case.ts";
import { temporaryFolder } from "../../driver/workspace.ts";
import { runEmulated, writeGraph } from "./emulated.ts";
import { kernelCases, mixedGraph } from "./mixed-graph.ts";

const at = temporaryFolder();

/** The third run is the second of a captured graph. */
const runs = 3;

describe("CUDA's kernels under emulation compute what the interpreter does", () => {
  const { graph, numbers, expected } = mixedGraph(kernelCases);
  let results: Awaited<ReturnType<typeof runEmulated>> = [];

  beforeAll(async () => {
    await writeGraph(at("ops"), graph, numbers);
    results = await runEmulated(at("ops"), numbers, { flags: ["-O1"], runs });
  }, 600_000);

  it.each(kernelCases)("%s", (op) => {
    for (const [name, { result, tolerance, what }] of expected.get(op) ?? [])
      expectClose(results[0]?.get(name), result, tolerances[tolerance], () => what);
  });

  it("every run gives the same numbers", () => {
    expect(results).toHaveLength(runs);
    for (const again of results) expect(again).toEqual(results[0]);
  });
});
