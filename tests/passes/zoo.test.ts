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
import { deadCode } from "../../src/passes/whole-graph/dead-code.ts";
import { type Counts, type Pass, type Pipeline, runPipeline } from "../../src/passes/pass.ts";
import { verifying } from "../../src/passes/verifying.ts";
import { supportedFamilies } from "../../src/zoo/registry.ts";
import { environment } from "./rules/harness.ts";

/**
 * Every pass of -O2 meets every architecture twice: as it comes, and with a tap on everything that the pass would take
 * away. A tap is a use: the tapped values must survive with their types, and the graph must stay valid. The pipeline of
 * every operator there is goes its own way where it leaves the default's.
 */
const pipeline = pipelineOf("O2");
const ofAllForms = pipelineOf("O2", null, { opset: 23, onnxOps: "ort" });
const fork = ofAllForms.findIndex((pass, i) => pass.name !== pipeline[i]?.name);

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
  // With the normalisation of pixels in front, which some rules are about.
  const request = await lowerRequest({ model, args, preprocess: true });
  return request.lowered.graph;
}

const fired = new Map<string, number>();
const add = (counts: Counts): void => {
  for (const [rule, n] of Object.entries(counts)) if (n > 0) fired.set(rule, (fired.get(rule) ?? 0) + 1);
};

/** Runs the passes on the graph, each on a copy with taps before. */
function meet(graph: Graph, passes: Pipeline): void {
  const outputs = signature(graph);
  for (const pass of passes) {
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
}

describe.each(supportedFamilies)("%s", (family) => {
  const architectures = listArchitectures().filter((name) => familyOf(name) === family);

  it.each(architectures)("%s stays valid, and keeps every tap", { timeout: 60_000 }, async (name) => {
    const graph = await lowered(name);
    meet(graph, pipeline.slice(0, fork));
    meet(graph.clone().graph, ofAllForms.slice(fork));
    meet(graph, pipeline.slice(fork));
  });
});

it("every rule fires on some architecture", () => {
  const rules = [...pipeline, ...ofAllForms].flatMap((pass) => pass.rules?.map((r) => r.name) ?? [pass.name]);
  expect(rules.filter((name) => !fired.has(name))).toEqual([]);
});

interface Small {
  readonly model: string;
  readonly side: number;
  readonly args?: Readonly<Record<string, unknown>>;
  readonly taps?: readonly string[];
  readonly preprocess?: boolean;
}

/** Networks of every family that the float64 interpreter runs in a second, with every kind of block. */
const small: readonly Small[] = [
  { model: "test_resnet", side: 64 },
  { model: "test_resnet", side: 64, preprocess: true },
  { model: "seresnet18", side: 32, taps: ["features.1", "features.2"] },
  { model: "vgg11_bn", side: 32, taps: ["features.0", "features.1"] },
  { model: "test_efficientnet", side: 64 },
  { model: "efficientnet_b0", side: 32 },
  { model: "mobilenetv3_small_050", side: 64 },
  { model: "test_convnext", side: 64 },
  { model: "test_convnext3", side: 64 },
  { model: "test_vit", side: 64, args: { img_size: 64 } },
  { model: "test_vit", side: 64, args: { img_size: 64 }, preprocess: true },
  { model: "test_vit3", side: 64, args: { img_size: 64 } },
  { model: "deit_tiny_distilled_patch16_224", side: 32, args: { img_size: 32, depth: 2, embed_dim: 48 } },
  { model: "deit3_small_patch16_224", side: 32, args: { img_size: 32, depth: 2, embed_dim: 48, num_heads: 3 } },
  {
    model: "swin_tiny_patch4_window7_224",
    side: 56,
    args: { img_size: 56, embed_dim: 24, depths: [2, 2], num_heads: [2, 4] },
  },
];

describe.each(small)("$model in numbers", ({ model, side, ...request }) => {
  it("no pass changes an output, as it comes or with taps on what it takes away", { timeout: 120_000 }, async () => {
    const { graph } = (await lowerRequest({ model, inputSize: [3, side, side], ...request })).lowered;
    const expected = interpret(graph, one);
    // Dead code is the first pass; what it takes away is most of the network when the taps are early.
    deadCode.run(graph);
    const before = pipeline.slice(0, fork);
    meetInNumbers(
      graph,
      before.filter((p) => p !== deadCode),
      expected,
    );
    const shared = new Set(pipeline.map((pass) => pass.name));
    meetInNumbers(
      graph.clone().graph,
      ofAllForms.filter((pass) => !shared.has(pass.name)),
      expected,
    );
    meetInNumbers(graph, pipeline.slice(fork), expected);
  });
});

function meetInNumbers(graph: Graph, passes: Pipeline, expected: Results): void {
  for (const pass of passes) {
    const tapped = tappedWhereConsumed(graph, pass);
    if (tapped === undefined) continue;
    const values = interpret(tapped, one);
    runPipeline(tapped, [pass], [verifying]);
    expectSame(interpret(tapped, one), values, `${pass.name} with taps`);
    pass.run(graph);
    expectSame(interpret(graph, one), expected, pass.name);
  }
}

const one: Environment = { ...environment, symbols: { N: 1 } };
type Results = ReturnType<typeof interpret>;

function expectSame(actual: Results, expected: Results, what: string): void {
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  for (const [name, { data }] of expected) {
    const other = actual.get(name) ?? ndarray("f32", [], Float64Array.of());
    let [largest, worst] = [0, 0];
    for (let i = 0; i < data.length; i++) {
      largest = Math.max(largest, Math.abs(Number(data[i])));
      worst = Math.max(worst, Math.abs(at(other, i) - Number(data[i])));
    }
    expect(worst, `${what}: ${name}`).toBeLessThanOrEqual(1e-9 * largest);
  }
}
