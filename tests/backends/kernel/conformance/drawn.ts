import { SymbolicDim, substituteDim } from "../../../../src/ir/dim.ts";
import type { AttrValue } from "../../../../src/ir/attr.ts";
import { sample } from "../../../ir/ops/case-graph.ts";
import type { OpCase } from "../../../ir/ops/cases/case.ts";
import { type TestedOp, subjects } from "../../../ir/ops/cases/index.ts";

const batch = 2;

export const drawn = (op: TestedOp, runs: number): readonly OpCase[] => sample(subjects[op].cases, runs);

/** A case with a number for its batch: kernels have no symbols. */
export const fixed = ({ operands, attrs }: OpCase): OpCase => ({
  operands: operands.map((x) => x && { ...x, shape: x.shape.map((d) => substituteDim(d, { N: batch })) }),
  attrs: Object.fromEntries(Object.entries(attrs).map(([key, value]) => [key, bound(value)])),
});

function bound(value: AttrValue): AttrValue {
  if (value instanceof SymbolicDim) return substituteDim(value, { N: batch });
  return Array.isArray(value) ? value.map((v: AttrValue) => bound(v)) : value;
}
