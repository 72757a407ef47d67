import { axis } from "../attr.ts";
import { at, zeros } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { softmaxRow } from "./attention.ts";
import { lanes } from "./lanes.ts";

export const softmax = defineOp({
  name: "softmax",
  doc: "exp(x) normalised to sum 1 along an axis. C1: the axis exists.",
  operands: ["x"],
  attrs: { axis: axis(-1) },
  infer: ({ x }, { axis }) => {
    need(axis >= 0 && axis < x.shape.length, "C1", `axis ${axis} of rank ${x.shape.length}`);
    return x;
  },
  evaluate: ({ x }, { axis }, result) => {
    const out = zeros(result.dtype, result.shape);
    const { length, step, starts } = lanes(x.shape, axis);
    const row = new Float64Array(length);
    for (const start of starts) {
      for (let j = 0; j < length; j++) row[j] = at(x, start + j * step);
      softmaxRow(row);
      for (let j = 0; j < length; j++) out.data[start + j * step] = row[j] as number;
    }
    return out;
  },
});
