import { Graph } from "../../../src/ir/graph.ts";
import type { NdArray } from "../../../src/ir/ndarray.ts";
import type { Value } from "../../../src/ir/value.ts";
import { kernelOps } from "../../../src/backends/kernel/ops/root.ts";
import { type CaseGraph, caseGraph, describeCase, reference } from "../../ir/ops/case-graph.ts";
import type { OpCase } from "../../ir/ops/cases/case.ts";
import { type TestedOp, subjects, testedOps } from "../../ir/ops/cases/index.ts";
import { shapeClasses } from "../kernel/conformance/cases.ts";
import { drawn, fixed } from "../kernel/conformance/drawn.ts";

/** What an output of a graph has to be. */
export interface Expected {
  readonly result: NdArray;
  readonly tolerance: (typeof subjects)[TestedOp]["tolerance"];
  readonly what: string;
}

/** Cases of every op with a kernel as one graph of float32 inputs and outputs, which is compiled at once. */
export interface MixedGraph {
  readonly graph: Graph;
  readonly numbers: (name: string, shape: readonly number[]) => NdArray;
  readonly expected: ReadonlyMap<TestedOp, ReadonlyMap<string, Expected>>;
}

/** Drawn cases of an op, beside those of its shape classes. */
const draws = 2;

export function mixedGraph(ops: readonly TestedOp[]): MixedGraph {
  const graph = new Graph("mixed");
  const outputs: { name: string; value: Value }[] = [];
  const graphs = new Map<string, CaseGraph>();
  const expected = new Map<TestedOp, Map<string, Expected>>();
  for (const op of ops) {
    const cases = casesOf(op);
    const single = caseGraph(op, cases);
    const of = new Map<string, Expected>();
    for (const [name, result] of reference(single, 1)) {
      const i = Number(name.slice(1));
      const c = cases[i];
      if (c === undefined || result.dtype !== "f32") continue;
      const value = insert(graph, op, c, `${op}/x${i}`);
      outputs.push({ name: `${op}/${name}`, value });
      of.set(`${op}/${name}`, { result, tolerance: subjects[op].tolerance, what: describeCase(op, c) });
    }
    graphs.set(op, single);
    expected.set(op, of);
  }
  graph.setOutputs(outputs);
  const numbers: MixedGraph["numbers"] = (name, shape) => {
    const [op = "", own = ""] = name.split("/");
    const found = graphs.get(op);
    if (found === undefined) throw new RangeError(`no op is called ${op}`);
    return found.numbers(own, shape);
  };
  return { graph, numbers, expected };
}

/** Ops that have kernels, and results that depend on more than weights. */
export const kernelCases: readonly TestedOp[] = testedOps.filter((op) => kernelOps.has(op) && casesOf(op).length > 0);

/** Those of them that weights take part in. */
export const weightCases: readonly TestedOp[] = kernelCases.filter((op) =>
  casesOf(op).some(({ operands }) => operands.some((x) => x?.weight === true)),
);

function casesOf(op: TestedOp): readonly OpCase[] {
  const all = [...Object.values(shapeClasses[op] ?? {}), ...drawn(op, draws).map(fixed)];
  return all.filter(
    ({ operands }) =>
      operands.some((x) => x !== undefined && !x.weight) &&
      operands.every((x) => x === undefined || x.weight || x.dtype === "f32"),
  );
}

function insert(graph: Graph, op: TestedOp, { operands, attrs }: OpCase, path: string): Value {
  const values = operands.map((spec, j) => {
    if (spec === undefined) return undefined;
    const origin = { path: `${path}.${j}`, rules: [] };
    const { dtype, shape } = spec;
    return spec.weight
      ? graph.insert("param", [], { key: origin.path, dtype, shape }, origin)
      : graph.insert("input", [], { dtype, shape }, origin);
  });
  return graph.insert(op, values, attrs, { path: `${path}.result`, rules: [] });
}
