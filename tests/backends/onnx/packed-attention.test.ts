import { describe, expect, it } from "vitest";
import { packedAttentionSince, takesBias } from "../../../src/backends/onnx/rules/packed-attention.ts";
import { emitOnnx } from "../../../src/backends/onnx/emit.ts";
import type { Builder } from "../../../src/ir/builder.ts";
import { type Dim, printDim, symbol } from "../../../src/ir/dim.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import { interpret } from "../../../src/ir/interpret.ts";
import type { Value } from "../../../src/ir/value.ts";
import { passOf } from "../../../src/passes/rewriting.ts";
import { packHeads } from "../../../src/passes/rules/pack-heads.ts";
import { expectClose } from "../../ir/ops/case-graph.ts";
import { tolerances } from "../../ir/ops/cases/case.ts";
import { environment, graphOf, numbers } from "../../passes/rules/harness.ts";
import { emitAndRun } from "./emit-and-run.ts";

const N = symbol("N");
const [heads, rows, columns, width] = [2, 3, 5, 4];

/** Attention of two heads to tokens beside, with a bias of this shape. */
function withBias(bias: readonly Dim[]): Graph {
  return graphOf((on) => {
    const apart = (name: string, tokens: number): Value => {
      const b: Builder = on(name);
      const x = b.input({ shape: [N, tokens, heads * width] });
      return b.transpose(b.reshape(x, { shape: [N, tokens, heads, width] }), { perm: [0, 2, 1, 3] });
    };
    const mask = on("mask").input({ shape: bias });
    const operands = [apart("q", rows), apart("k", columns), apart("v", columns)] as const;
    const b = on("attn");
    const mixed = b.attention(...operands, mask, { scale: 0.5 });
    return { y: b.reshape(b.transpose(mixed, { perm: [0, 2, 1, 3] }), { shape: [N, rows, heads * width] }) };
  });
}

const operators = (graph: Graph): string[] =>
  emitOnnx(
    graph,
    { bytes: () => new Uint8Array() },
    { opset: packedAttentionSince, producerVersion: "", metadata: [] },
  ).model.nodes.map((node) => node.opType);

/** Every bias that broadcasts to [N, heads, rows, columns], and whether ONNX Runtime's Attention takes it. */
const biases = [0, 1, 2, 3, 4].flatMap((rank) =>
  [...Array(2 ** rank).keys()].map((ones) => {
    const bias = [N, heads, rows, columns].slice(4 - rank).map((extent, axis) => ((ones >> axis) % 2 ? 1 : extent));
    return { bias, text: bias.map(printDim).join(), taken: bias.at(-2) === rows && bias.at(-1) === columns };
  }),
);

describe.each(biases)("a bias of [$text]", ({ bias, text, taken }) => {
  it(taken ? "is Attention's" : "is added to the products", async () => {
    const graph = withBias(bias);
    const expected = interpret(graph, environment).get("y");
    expect(passOf(packHeads(takesBias)).run(graph)).toEqual({ "pack-heads": taken ? 1 : 0 });
    expect(operators(graph).includes("Attention")).toBe(taken);
    const [results] = await emitAndRun(
      graph,
      (name, shape) => numbers(name, { dtype: "f32", shape }),
      [environment.symbols ?? {}],
      packedAttentionSince,
    );
    if (expected === undefined) expect.fail("no result");
    expectClose(results?.get("y"), expected, tolerances.contraction, () => text);
  });
});
