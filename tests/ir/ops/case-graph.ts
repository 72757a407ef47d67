import * as fc from "fast-check";
import { expect } from "vitest";
import { type Dim, substituteDim } from "../../../src/ir/dim.ts";
import { Graph } from "../../../src/ir/graph.ts";
import { type Environment, interpret } from "../../../src/ir/interpret.ts";
import { type NdArray, at, ndarray } from "../../../src/ir/ndarray.ts";
import type { OpName } from "../../../src/ir/ops/index.ts";
import { type StaticType, count } from "../../../src/ir/type.ts";
import type { OpCase, OperandSpec } from "./cases/case.ts";

/** The same cases on every run. */
export const sample = (arbitrary: fc.Arbitrary<OpCase>, numRuns: number): readonly OpCase[] =>
  fc.sample(arbitrary, { seed: 20_260_101, numRuns });

/** Many cases of one op as one graph: operand j of case i is `x{i}.{j}`, an input or a parameter, and its result `y{i}`. */
export interface CaseGraph {
  readonly graph: Graph;
  readonly cases: readonly OpCase[];
  /** The numbers of an operand: the same for the same name and size. */
  readonly numbers: (name: string, shape: readonly number[]) => NdArray;
}

export function caseGraph(op: OpName, cases: readonly OpCase[]): CaseGraph {
  const graph = new Graph(op);
  const specs = new Map<string, OperandSpec>();
  const outputs = cases.map(({ operands, attrs }, i) => {
    const values = operands.map((spec, j) => {
      if (spec === undefined) return undefined;
      const path = `x${i}.${j}`;
      specs.set(path, spec);
      const { dtype, shape } = spec;
      const origin = { path, rules: [] };
      return spec.weight
        ? graph.insert("param", [], { key: path, dtype, shape }, origin)
        : graph.insert("input", [], { dtype, shape }, origin);
    });
    return { name: `y${i}`, value: graph.insert(op, values, attrs, { path: `v${i}`, rules: [] }) };
  });
  graph.setOutputs(outputs);
  const numbers = (name: string, shape: readonly number[]): NdArray => {
    const spec = specs.get(name);
    if (spec === undefined) throw new RangeError(`no operand is called ${name}`);
    return draw(name, spec, shape);
  };
  return { graph, cases, numbers };
}

/** Numbers that float32 holds, by a small congruential generator seeded with the name. */
function draw(name: string, { dtype, low, high }: OperandSpec, shape: readonly number[]): NdArray {
  let state = [...name].reduce((hash, letter) => (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0, 7);
  const data = new Float64Array(count(shape)).map(() => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const unit = state / 2 ** 32;
    return dtype === "f32" ? Math.fround(low + unit * (high - low)) : low + Math.floor(unit * (high - low + 1));
  });
  return ndarray(dtype, shape, data);
}

export const environment = ({ numbers }: CaseGraph, batch: number): Environment => ({
  input: (name: string, { shape }: StaticType) => numbers(name, shape),
  param: (key: string, { shape }: StaticType) => numbers(key, shape),
  symbols: { N: batch },
});

/** The reference semantics of every case. */
export const reference = (g: CaseGraph, batch: number): ReadonlyMap<string, NdArray> =>
  interpret(g.graph, environment(g, batch));

export const bind = (dims: readonly Dim[], batch: number): number[] =>
  dims.map((d) => Number(substituteDim(d, { N: batch })));

/** Fails unless every number is within the tolerance of the op's class; says which case and where. */
export function expectClose(
  actual: NdArray | undefined,
  expected: NdArray,
  { absolute, relative }: { readonly absolute: number; readonly relative: number },
  what: () => string,
): void {
  if (actual === undefined) throw new RangeError(`no result for ${what()}`);
  expect([actual.dtype, ...actual.shape], what()).toEqual([expected.dtype, ...expected.shape]);
  for (let i = 0; i < expected.data.length; i++) {
    const a = at(actual, i);
    const e = at(expected, i);
    if (Object.is(a, e) || Math.abs(a - e) <= absolute + relative * Math.abs(e)) continue;
    expect.fail(`${what()}\nelement ${i} of ${expected.shape.join("x")}: ${a} instead of ${e}`);
  }
}

export const describeCase = (op: string, { operands, attrs }: OpCase): string => {
  const types = operands.map((x) =>
    x === undefined ? "-" : `${x.weight ? "weight " : ""}${x.dtype}[${x.shape.join(",")}]`,
  );
  const given = Object.entries(attrs).map(
    ([key, value]) => `${key}=${Array.isArray(value) ? `[${value.join(",")}]` : String(value)}`,
  );
  return `${op}(${types.join(", ")}) ${given.join(" ")}`;
};
