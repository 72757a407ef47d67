import { describe, expect, it } from "vitest";
import { emitOnnx } from "../../../src/backends/onnx/emit.ts";
import { interpret } from "../../../src/ir/interpret.ts";
import { ndarray } from "../../../src/ir/ndarray.ts";
import { parseGraph } from "../../../src/ir/parser.ts";
import { type StaticType, count } from "../../../src/ir/type.ts";
import { emitAndRun } from "./emit-and-run.ts";

/** A bias by head and a mask by window, as attention in windows has them, and what follows. */
const graphOf = (weights: string, body: string) =>
  parseGraph(`graph @g {
  weights {
    $bias = param() {key="bias", shape=[1,2,3,3]} : f32[1,2,3,3]
    $mask = param() {key="mask", shape=[4,1,3,3]} : f32[4,1,3,3]
    $token = param() {key="token", shape=[1,1,3]} : f32[1,1,3]
    ${weights}
  }
  %x = input() {shape=[4,2,3,3]} : f32[4,2,3,3]
  ${body}
}
`);

const sum = "$sum = add($bias, $mask) : f32[4,2,3,3]";
const use = (name: string): string => `%y = add(%x, $${name}) : f32[4,2,3,3]\n  return "y" = %y`;

const numbers = (name: string, shape: readonly number[]) =>
  ndarray(
    "f32",
    shape,
    Float64Array.from({ length: count(shape) }, (_, i) => Math.fround(Math.sin(name.length + 2.3 * i))),
  );

type Case = readonly [graph: ReturnType<typeof graphOf>, initializers: readonly string[], nodes: readonly string[]];

const cases: Readonly<Record<string, Case>> = {
  "a sum that holds more than its operands is computed": [graphOf(sum, use("sum")), ["bias", "mask"], ["Add", "Add"]],
  "so is what is made of such a sum, where it grows again": [
    graphOf(
      `${sum}\n    $all = expand($sum) {shape=[5,4,2,3,3]} : f32[5,4,2,3,3]`,
      `%y = add(%x, $all) : f32[5,4,2,3,3]\n  return "y" = %y`,
    ),
    ["bias", "mask"],
    ["Add", "Expand", "Add"],
  ],
  "a token for every image of a fixed batch is repeated": [
    graphOf(
      "$tokens = expand($token) {shape=[8,3,3]} : f32[8,3,3]",
      `%flat = reshape(%x) {shape=[8,3,3]} : f32[8,3,3]
  %y = concat(%flat, $tokens) {axis=1} : f32[8,6,3]
  return "y" = %y`,
    ),
    ["token"],
    ["Expand", "Reshape", "Concat"],
  ],
  "a product of equal size is stored": [
    graphOf("$twice = mul($bias, $bias) : f32[1,2,3,3]", use("twice")),
    ["twice"],
    ["Add"],
  ],
  "what only a stored weight reads is stored with it": [
    graphOf(`${sum}\n    $folded = neg($sum) : f32[4,2,3,3]`, use("folded")),
    ["folded"],
    ["Add"],
  ],
  "an output that nothing reads is stored": [
    graphOf(sum, `%y = neg(%x) : f32[4,2,3,3]\n  return "z" = $sum, "y" = %y`),
    ["sum"],
    ["Neg", "Identity"],
  ],
};

describe("weights that repeat their operands", () => {
  it.each(Object.entries(cases))("%s", async (_, [graph, initializers, nodes]) => {
    const options = { opset: 17, producerVersion: "", metadata: [] };
    const emitted = emitOnnx(graph, { bytes: () => new Uint8Array() }, options);
    const names = emitted.initializers.map((i) => i.header.name).filter((name) => !name.startsWith("constant/"));
    expect(names.sort()).toEqual(initializers);
    expect(emitted.model.nodes.map((n) => n.opType)).toEqual(nodes);

    const feed = (name: string, { shape }: StaticType) => numbers(name, shape);
    const expected = interpret(graph, { symbols: {}, input: feed, param: feed });
    const [results] = await emitAndRun(graph, numbers, [{}], 17);
    for (const [name, { data, shape }] of expected) {
      const actual = results?.get(name);
      expect(actual?.shape).toEqual(shape);
      data.forEach((e, i) => expect(actual?.data[i]).toBeCloseTo(e, 5));
    }
  });
});
