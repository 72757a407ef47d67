import { describe, expect, it } from "vitest";
import { SymbolicDim, substituteDim } from "../../../src/ir/dim.ts";
import type { AttrValue } from "../../../src/ir/attr.ts";
import type { NdArray } from "../../../src/ir/ndarray.ts";
import { is } from "../../../src/ir/value.ts";
import { caseGraph, describeCase, expectClose, reference, sample } from "./case-graph.ts";
import { type Concrete, type Subject, tolerances } from "./cases/case.ts";
import { subjects, testedOps } from "./cases/index.ts";
import { HandModel } from "./hand-model.ts";

const batch = 2;
const runs = 150;

/** The reference semantics of each op against ONNX Runtime's own operator, written by hand and not by timmc. */
describe("every op computes what ONNX Runtime computes", () => {
  it.each(testedOps)("%s", async (op) => {
    const subject = subjects[op] as Subject<Readonly<Record<string, AttrValue>>>;
    const graph = caseGraph(op, sample(subject.cases, runs));
    const expected = reference(graph, batch);
    const model = new HandModel(23);
    const names = graph.graph.outputs.map(({ name, value }) => {
      const result = must(expected.get(name));
      const arrays = value.operands.map((x) => {
        if (x === undefined) return undefined;
        const key = is(x, "param") ? x.attrs.key : x.name;
        return graph.numbers(
          key,
          x.type.shape.map((d) => Number(bindAttr(d))),
        );
      });
      const attrs = Object.fromEntries(Object.entries(value.attrs).map(([key, v]) => [key, bindAttr(v)]));
      const operands = arrays.map((array) => (array === undefined ? "" : model.constant(array)));
      const c: Concrete<Readonly<Record<string, AttrValue>>> = { names: operands, arrays, attrs, result };
      const made = subject.hand(model, c);
      model.output(made, result);
      return made;
    });
    const actual = await model.run();
    expect(actual.size).toBe(runs);
    graph.cases.forEach((c, i) =>
      expectClose(actual.get(must(names[i])), must(expected.get(`y${i}`)), tolerances[subject.tolerance], () =>
        describeCase(op, c),
      ),
    );
  });
});

function bindAttr(value: AttrValue): AttrValue {
  if (value instanceof SymbolicDim) return substituteDim(value, { N: batch });
  return Array.isArray(value) ? value.map((v: AttrValue) => bindAttr(v)) : value;
}

function must<T extends NdArray | string>(x: T | undefined): T {
  if (x === undefined) throw new RangeError("a case has no result");
  return x;
}
