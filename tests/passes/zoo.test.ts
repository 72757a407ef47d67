import { describe, expect, it } from "vitest";
import { lowerRequest } from "../../src/driver/lower-request.ts";
import { pipelineOf } from "../../src/driver/pipeline.ts";
import { familyOf, listArchitectures } from "../../src/frontend/registry.ts";
import type { Graph, Output } from "../../src/ir/graph.ts";
import { type Environment, interpret } from "../../src/ir/interpret.ts";
import { at, ndarray } from "../../src/ir/ndarray.ts";
import { printType } from "../../src/ir/type.ts";
import type { Value } from "../../src/ir/value.ts";
import { verify } from "../../src/ir/verifier.ts";
import { type Counts, type Pass, runPipeline } from "../../src/passes/pass.ts";
import { verifying } from "../../src/passes/verifying.ts";
import { supportedFamilies } from "../../src/zoo/registry.ts";
import { environment } from "./rules/harness.ts";

/**
 * Every pass of -O2 meets every architecture twice: as it comes, and with a tap on everything that the pass would take
 * away. A tap is a use: the tapped values must survive with their types, and the graph must stay valid.
 */
const pipeline = pipelineOf("O2");

const signature = (graph: Graph): string[] => graph.outputs.map((o) => `${o.name}: ${printType(o.value.type)}`);

/** What of a graph that runs is gone after the pass; with it, a copy of the graph that has taps there. */
function tappedWhereConsumed(graph: Graph, pass: Pass): Graph | undefined {
  const { graph: trial, map } = graph.clone();
  if (Object.values(pass.run(trial)).every((n) => n === 0)) return undefined;
  const gone = [...map].filter(([old, copy]) => !old.isWeight && old.op !== "input" && !trial.owns(copy));
  const { graph: tapped, map: places } = graph.clone();
  tapped.setOutputs([...tapped.outputs, ...gone.flatMap(([old], i) => tap(`tap.${i}`, places.get(old)))]);
  return tapped;
}

const tap = (name: string, value: Value | undefined): Output[] => (value === undefined ? [] : [{ name, value }]);

async function lowered(model: string, args: Readonly<Record<string, unknown>> = {}): Promise<Graph> {
  const request = await lowerRequest({ model, args });
  return request.lowered.graph;
}

const fired = new Map<string, number>();
const add = (counts: Counts): void => {
  for (const [rule, n] of Object.entries(counts)) if (n > 0) fired.set(rule, (fired.get(rule) ?? 0) + 1);
};

describe.each(supportedFamilies)("%s", (family) => {
  const architectures = listArchitectures().filter((name) => familyOf(name) === family);

  it.each(architectures)("%s stays valid, and keeps every tap", { timeout: 60_000 }, async (name) => {
    const graph = await lowered(name);
    const outputs = signature(graph);
    for (const pass of pipeline) {
      const tapped = tappedWhereConsumed(graph, pass);
      if (tapped === undefined) continue;
      const expected = signature(tapped);
      pass.run(tapped);
      verify(tapped);
      expect(signature(tapped), pass.name).toEqual(expected);
      add(pass.run(graph));
    }
    verify(graph);
    expect(signature(graph)).toEqual(outputs);
  });
});

it("every rule fires on some architecture", () => {
  const rules = pipeline.flatMap((pass) => pass.rules?.map((r) => r.name) ?? [pass.name]);
  expect(rules.filter((name) => !fired.has(name))).toEqual([]);
});

/** Networks of every family that the float64 interpreter runs in seconds, with every kind of block. */
const small: readonly (readonly [model: string, side: number, args: Readonly<Record<string, unknown>>])[] = [
  ["test_resnet", 64, {}],
  ["seresnet50", 32, {}],
  ["vgg11_bn", 32, {}],
  ["efficientnet_b0", 32, {}],
  ["mobilenetv3_small_050", 64, {}],
  ["test_convnext", 64, {}],
  ["test_convnext3", 64, {}],
  ["test_vit", 64, { img_size: 64 }],
  ["test_vit3", 64, { img_size: 64 }],
  ["deit_tiny_distilled_patch16_224", 32, { img_size: 32 }],
  ["deit3_small_patch16_224", 32, { img_size: 32 }],
  ["swin_tiny_patch4_window7_224", 56, { img_size: 56, embed_dim: 24, depths: [2, 2], num_heads: [2, 4] }],
];

describe.each(small)("%s in numbers", (model, side, args) => {
  it.each(["as it comes", "with taps"])("every pass keeps every output, %s", { timeout: 120_000 }, async (how) => {
    const request = await lowerRequest({ model, args, inputSize: [3, side, side] });
    const { graph } = request.lowered;
    for (const pass of pipeline) {
      const subject = how === "with taps" ? tappedWhereConsumed(graph, pass) : graph;
      if (subject === undefined) continue;
      expectSame(subject, pass);
      if (subject !== graph) pass.run(graph);
    }
  });
});

const one: Environment = { ...environment, symbols: { N: 1 } };

function expectSame(graph: Graph, pass: Pass): void {
  const before = interpret(graph, one);
  runPipeline(graph, [pass], [verifying]);
  for (const [name, actual] of interpret(graph, one)) {
    const expected = before.get(name) ?? ndarray("f32", [], Float64Array.of());
    const largest = expected.data.reduce<number>((a, b) => Math.max(a, Math.abs(Number(b))), 0);
    const worst = actual.data.reduce<number>((a, b, i) => Math.max(a, Math.abs(Number(b) - at(expected, i))), 0);
    expect(worst, `${pass.name}: ${name}`).toBeLessThan(1e-9 * largest);
  }
}
