import { describe, expect, it } from "vitest";
import { emitOnnx } from "../../../src/backends/onnx/emit.ts";
import type { OnnxModel } from "../../../src/backends/onnx/model.ts";
import { type Builder, builderAt } from "../../../src/ir/builder.ts";
import { type Dim, symbol } from "../../../src/ir/dim.ts";
import { Graph } from "../../../src/ir/graph.ts";
import type { Value } from "../../../src/ir/value.ts";

const parameters = { bytes: () => new Uint8Array() };

function emitted(shape: readonly Dim[], draw: (b: Builder, x: Value) => Value): OnnxModel {
  const graph = new Graph("g");
  const x = graph.insert("input", [], { shape }, { path: "x", rules: [] });
  graph.setOutputs([{ name: "y", value: draw(builderAt({ graph, origin: { path: "v", rules: [] } }), x) }]);
  return emitOnnx(graph, parameters, { opset: 17, producerVersion: "", metadata: [] }).model;
}

const enlarge = (b: Builder, x: Value): Value => b.resize(x, { axes: [2, 3], size: [6, 8], mode: "nearest" });

describe("declared shapes", () => {
  it("keep the batch that shape inference loses in a resize", () => {
    const model = emitted([symbol("N"), 4, 3, 4], (b, x) => b.abs(enlarge(b, x)));
    expect(model.valueInfo).toEqual([{ name: "v", dtype: "f32", shape: ["N", 4, 6, 8] }]);
  });

  it("are left out where nothing is lost, and of outputs, which have theirs", () => {
    expect(emitted([2, 4, 3, 4], (b, x) => b.abs(enlarge(b, x))).valueInfo).toEqual([]);
    expect(emitted([symbol("N"), 4, 3, 4], enlarge).valueInfo).toEqual([]);
  });
});

describe("average pools", () => {
  const window = { kernel: [3, 4], stride: [1, 1], padding: [0, 0, 0, 0] };
  const forms: Readonly<Record<string, readonly [attributes: typeof window, shape: readonly Dim[], op: string]>> = {
    "of the whole extent are the global one": [window, [symbol("N"), 4, 3, 4], "GlobalAveragePool"],
    "that repeat a window are not": [{ ...window, kernel: [3, 3] }, [symbol("N"), 4, 3, 4], "AveragePool"],
    "with padding are not": [{ ...window, padding: [0, 1, 0, 0] }, [symbol("N"), 4, 3, 4], "AveragePool"],
    "of an extent that only the input knows are not": [window, [2, 4, symbol("H"), 4], "AveragePool"],
  };
  it.each(Object.entries(forms))("%s", (_, [attributes, shape, op]) => {
    const { nodes } = emitted(shape, (b, x) => b.avg_pool(x, attributes));
    expect(nodes.map((node) => node.opType)).toEqual([op]);
  });
});
