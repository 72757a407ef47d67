import { performance } from "node:perf_hooks";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toFloat32 } from "../../../src/frontend/weights/load.ts";
import type { TensorSpec } from "../../../src/frontend/weights/source.ts";
import { fillSynthetic, fnv1a32, syntheticInput, syntheticSource } from "../../../src/frontend/weights/synthetic.ts";

const spec = (name: string, shape: readonly number[]): TensorSpec => ({ name, shape, dtype: "f32" });

function values(name: string, shape: readonly number[]): Float32Array {
  const data = syntheticSource([spec(name, shape)]).get(name);
  return data === undefined ? new Float32Array() : toFloat32(data);
}

/** The recipe once more, with BigInt for the hash and its table read literally. */
function reference(name: string, shape: readonly number[], i: number): number {
  const mask = 0xffffffffn;
  let h = (BigInt(fnv1a32(name)) + BigInt(i) * 0x9e3779b9n) & mask;
  h ^= h >> 16n;
  h = (h * 0x85ebca6bn) & mask;
  h ^= h >> 13n;
  h = (h * 0xc2b2ae35n) & mask;
  h ^= h >> 16n;
  const u = Number(h) / 2 ** 32;
  const last = name.split(".").at(-1) ?? "";
  if (last === "running_var") return Math.fround(0.5 + u);
  if (last === "running_mean") return Math.fround(0.1 * (2 * u - 1));
  if (shape.length <= 1) return Math.fround(/bias|beta/.test(last) ? 0.1 * (2 * u - 1) : 0.5 + u);
  if (shape.length >= 3 && shape[0] === 1) return Math.fround(0.5 * (2 * u - 1));
  return Math.fround((2 * u - 1) * Math.sqrt(3 / shape.slice(1).reduce((a, b) => a * b, 1)));
}

describe("the synthetic recipe", () => {
  test("known values", () => {
    expect(fnv1a32("conv1.weight")).toBe(0xbdcec494);
    const first = (name: string, shape: number[]) => [...values(name, shape).subarray(0, 4)];
    expect(first("conv1.weight", [64, 3, 7, 7])).toEqual(
      [0.129833952, -0.0287474338, -0.0340256877, -0.128675207].map(Math.fround),
    );
    expect(first("fc.bias", [10])).toEqual([0.0116229318, -0.0051908181, -0.0387007743, 0.0552581772].map(Math.fround));
    expect(first("bn1.running_var", [64])).toEqual([0.553857267, 1.21828401, 1.4258188, 1.49449039].map(Math.fround));
    expect([...syntheticInput([1, 3, 224, 224]).subarray(0, 4)]).toEqual(
      [0.725116789, 0.477069944, 1.22065055, -1.11810446].map(Math.fround),
    );
  });

  test("is the recipe's table, bit for bit", () => {
    const names = ["running_var", "running_mean", "weight", "bias", "q_bias", "beta", "gamma", "bias_table", "cls_é"];
    const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 });
    const full = fc.tuple(fc.constantFrom("", "bn1.", "bias.0."), fc.constantFrom(...names)).map((p) => p.join(""));
    fc.assert(
      fc.property(full, shapes, (name, shape) => {
        expect([...values(name, shape)]).toEqual([...values(name, shape).keys()].map((i) => reference(name, shape, i)));
      }),
    );
  });

  test("a tensor written piece by piece is the tensor", () => {
    const whole = values("w", [10, 10]);
    const pieces = new Float32Array(100);
    for (let at = 0; at < 100; at += 30) fillSynthetic("w", [10, 10], pieces.subarray(at, at + 30), at);
    expect(pieces).toEqual(whole);
    const far = new Float32Array(1);
    fillSynthetic("w", [3, 2 ** 31], far, 2 ** 32 + 5);
    expect(far[0]).toBe(reference("w", [3, 2 ** 31], 2 ** 32 + 5));
  });

  test("batch counters are 0, other integers are refused, unknown names absent", () => {
    const counter: TensorSpec = { name: "bn1.num_batches_tracked", shape: [], dtype: "i64" };
    const index: TensorSpec = { name: "relative_position_index", shape: [49, 49], dtype: "i64" };
    const source = syntheticSource([counter, index]);
    expect(source.get(counter.name)?.read()).toEqual(new Uint8Array(8));
    expect(() => source.get(index.name)).toThrow(/parameters and running statistics, not i64/);
    expect(source.get("absent")).toBeUndefined();
    expect([...source.keys()]).toEqual([counter.name, index.name]);
  });

  test("the input needs four dimensions", () => {
    expect(() => syntheticInput([3, 224, 224])).toThrow(/shape \(N, C, H, W\)/);
    expect(syntheticInput([2, 1, 3, 5])).toHaveLength(30);
  });

  test("25 million elements take well under a second", () => {
    const out = new Float32Array(25_000_000);
    fillSynthetic("warm.up", [1000, 10], new Float32Array(10_000));
    const start = performance.now();
    fillSynthetic("fc.weight", [5000, 5000], out);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
