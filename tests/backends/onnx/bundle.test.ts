import { expect, test } from "vitest";
import { placeShared, shareTensors } from "../../../src/backends/onnx/bundle.ts";
import { emitOnnx } from "../../../src/backends/onnx/emit.ts";
import { externalData, modelFile } from "../../../src/backends/onnx/writer.ts";
import type { Parameters } from "../../../src/backends/parameters.ts";
import { parseGraph } from "../../../src/ir/parser.ts";

/** A network over maps of some side: a folded kernel and a small bias that do not depend on it, and a table that does. */
const graphAt = (name: string, side: number, factor: number) =>
  parseGraph(`graph @${name} {
  weights {
    $k = param() {key="k", dtype="f32", shape=[16,16]} : f32[16,16]
    $twice = mul($k, $k) : f32[16,16]
    $b = param() {key="b", dtype="f32", shape=[16]} : f32[16]
    $t = param() {key="t", dtype="f32", shape=[${side},16]} : f32[${side},16]
    $f = constant() {values=[${factor}]} : f32[]
    $scaled = mul($t, $f) : f32[${side},16]
  }
  %x = input() {dtype="f32", shape=[N,${side},16]} : f32[N,${side},16]
  %y = linear(%x, $twice, $b) : f32[N,${side},16]
  %z = add(%y, $scaled) : f32[N,${side},16]
  return "z" = %z
}
`);

/** Counts how often each parameter is read. */
function counting(): { readonly parameters: Parameters; readonly reads: Map<string, number> } {
  const reads = new Map<string, number>();
  const bytes: Parameters["bytes"] = (key, { shape }) => {
    reads.set(key, (reads.get(key) ?? 0) + 1);
    const length = shape.reduce((n, d) => n * d, 1);
    return new Uint8Array(Float32Array.from({ length }, (_, i) => i).buffer);
  };
  return { reads, parameters: { bytes } };
}

const options = { opset: 17, producerVersion: "", metadata: [] };

test("tensors of one expression over the same parameters are one, which is evaluated once", () => {
  const { reads, parameters } = counting();
  const models = [
    { ...emitOnnx(graphAt("a", 32, 2), parameters, options), parameterIdentity: (key: string) => key },
    // Of another name and of other names, but the same.
    { ...emitOnnx(graphAt("b", 32, 2), parameters, options), parameterIdentity: (key: string) => key },
    // Another factor.
    { ...emitOnnx(graphAt("c", 32, 3), parameters, options), parameterIdentity: (key: string) => key },
    // Another size.
    { ...emitOnnx(graphAt("d", 48, 2), parameters, options), parameterIdentity: (key: string) => key },
    // A table that was made of the file's otherwise.
    {
      ...emitOnnx(graphAt("e", 32, 2), parameters, options),
      parameterIdentity: (key: string) => (key === "t" ? "t resampled" : key),
    },
  ];
  const shared = shareTensors(models);
  const names = shared.tensors.map((t) => `${t.header.name}[${t.header.dims.join()}]`);
  expect(names.filter((n) => n.endsWith("[16,16]"))).toHaveLength(1);
  expect(names.filter((n) => n.startsWith("b["))).toHaveLength(1);
  expect(names.filter((n) => n.startsWith("scaled"))).toEqual([
    "scaled[32,16]",
    "scaled[32,16]",
    "scaled[48,16]",
    "scaled[32,16]",
  ]);
  expect(reads.size).toBe(0);
  const { data, initializers } = placeShared(shared, "d");
  const all = [externalData(data), ...models.map(({ model }, i) => modelFile(model, initializers[i] ?? []))];
  for (const parts of all) expect([...parts].length).toBeGreaterThan(0);
  expect(Object.fromEntries(reads)).toEqual({ k: 1, b: 1, t: 4 });
});
