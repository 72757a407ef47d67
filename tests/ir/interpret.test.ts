import { describe, expect, it } from "vitest";
import { type Environment, evaluateWeight, interpret, needed } from "../../src/ir/interpret.ts";
import { type NdArray, ndarray } from "../../src/ir/ndarray.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import type { StaticType } from "../../src/ir/type.ts";
import type { Value } from "../../src/ir/value.ts";
import { refusal } from "./refusal.ts";

const counting = (_: string, type: StaticType): NdArray =>
  ndarray(
    type.dtype,
    type.shape,
    Float64Array.from({ length: type.shape.reduce((n, d) => n * d, 1) }, (_x, i) => i),
  );
const environment = (symbols: Record<string, number> = {}): Environment => ({
  symbols,
  input: counting,
  param: counting,
});
const numbers = (array: NdArray | undefined): number[] => [...(array?.data ?? [])];
const find = (values: Iterable<Value>, name: string): Value => {
  for (const value of values) if (value.name === name) return value;
  throw new Error(`no ${name}`);
};

const sample = parseGraph(`graph @g {
  weights {
    $w = param() {key="weights.w", shape=[3]} : f32[3]
    $two = constant() {values=[2]} : f32[]
    $w2 = mul($w, $two) : f32[3]
    $w4 = mul($w2, $w2) : f32[3]
  }
  %x = input() {shape=[N,3]} : f32[N,3]
  %sum = add(%x, $w4) : f32[N,3]
  %dead = slice(%sum) {axis=0, range=[0,9]} : f32[9,3]
  %last = slice(%sum) {axis=0, range=[N-1,N]} : f32[1,3]
  %flat = reshape(%sum) {shape=[3*N]} : f32[3*N]
  return "last" = %last, "sum" = %sum, "flat" = %flat, "w" = $w2
}
`);

describe("interpret", () => {
  it("gives every output its value, with symbols replaced in types and attributes", () => {
    const results = interpret(sample, environment({ N: 2 }));
    expect([...results.keys()]).toEqual(["last", "sum", "flat", "w"]);
    expect(numbers(results.get("sum"))).toEqual([0, 5, 18, 3, 8, 21]);
    expect(numbers(results.get("last"))).toEqual([3, 8, 21]);
    expect(results.get("flat")?.shape).toEqual([6]);
    expect(numbers(results.get("w"))).toEqual([0, 2, 4]);
  });

  it("asks for inputs by name and for parameters by key, with the types they have", () => {
    const asked: unknown[] = [];
    const record =
      (kind: string) =>
      (name: string, type: StaticType): NdArray => {
        asked.push([kind, name, type.dtype, type.shape]);
        return counting(name, type);
      };
    interpret(sample, { symbols: { N: 1 }, input: record("input"), param: record("param") });
    expect(asked).toEqual([
      ["param", "weights.w", "f32", [3]],
      ["input", "x", "f32", [1, 3]],
    ]);
  });

  it("computes what outputs need, once and in order", () => {
    const seen: string[] = [];
    interpret(sample, environment({ N: 1 }), (value) => seen.push(value.name));
    expect(seen).toEqual(["w", "two", "w2", "w4", "x", "sum", "last", "flat"]);
    expect(needed(sample).map((v) => v.name)).toEqual(seen);
  });

  it("refuses symbols without a value, by name and type", () => {
    expect(refusal(() => interpret(sample, environment()))).toBe("%x: f32[N,3] has symbols without a value");
  });
});

describe("evaluateWeight", () => {
  it("evaluates one weight and what it depends on, shared values once", () => {
    const asked: string[] = [];
    const w4 = find(sample.values(), "w4");
    const env: Environment = {
      ...environment(),
      param: (key, type) => {
        asked.push(key);
        return counting(key, type);
      },
    };
    expect(numbers(evaluateWeight(w4, env))).toEqual([0, 4, 16]);
    expect(asked).toEqual(["weights.w"]);
  });
});
