import { describe, expect, it } from "vitest";
import { lowerRequest } from "../../src/driver/lower-request.ts";
import { type Cost, costsUpTo } from "../../src/driver/stage-costs.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { needed } from "../../src/ir/interpret.ts";
import { graphMacs } from "../../src/ir/macs.ts";
import { count } from "../../src/ir/type.ts";
import { type Value, is } from "../../src/ir/value.ts";

/** The same by the definition: a walk of its own for every group. */
function costOf(graph: Graph, group: readonly Value[], names: ReadonlySet<string>): Cost {
  graph.setOutputs(group.map((value, i) => ({ name: String(i), value })));
  const read = needed(graph)
    .filter((v) => is(v, "param"))
    .filter((v) => names.has(v.attrs.key));
  return { macs: graphMacs(graph), params: read.reduce((n, v) => n + count(v.attrs.shape), 0) };
}

describe("costsUpTo", () => {
  it.each([
    "test_resnet",
    "test_efficientnet",
    "test_vit",
    "test_convnext",
    "vgg11",
    "vit_tiny_patch16_224",
    "swin_tiny_patch4_window7_224",
  ])("%s: equals a walk per stage, in any order of the stages", async (model) => {
    const { lowered } = await lowerRequest({ model });
    const names = new Set(lowered.parameters.filter((p) => p.kind === "parameter").map((p) => p.name));
    const groups = [...lowered.model.stages.map((s) => [s.value]), lowered.model.logits];
    for (const order of [groups, groups.toReversed(), [...groups, ...groups], [groups.flat(), ...groups]]) {
      const expected = order.map((group) => costOf(lowered.graph, group, names));
      expect(costsUpTo(order, names)).toEqual(expected);
    }
  });

  it("buffers are no parameters", async () => {
    const { lowered } = await lowerRequest({ model: "test_resnet" });
    const [cost] = costsUpTo([lowered.model.logits], new Set());
    expect(cost?.params).toBe(0);
    expect(cost?.macs).toBeGreaterThan(0);
  });
});
