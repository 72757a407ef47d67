import { axis, int } from "../attr.ts";
import { at, emptyLike } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { count } from "../type.ts";

export const roll = defineOp({
  name: "roll",
  doc: "Moves elements by shift along an axis, around the end: result[i] = x[(i - shift) mod extent]. C1: the axis exists.",
  operands: ["x"],
  attrs: { axis: axis(), shift: int() },
  infer: ({ x }, { axis }) => {
    need(axis >= 0 && axis < x.shape.length, "C1", `axis ${axis} of rank ${x.shape.length}`);
    return x;
  },
  evaluate: ({ x }, { axis, shift }, result) => {
    const out = emptyLike(x, result.shape);
    const inner = count(x.shape.slice(axis + 1));
    const extent = x.shape[axis] ?? 1;
    for (let i = 0; i < out.data.length; i++) {
      const j = Math.floor(i / inner) % extent;
      const from = (((j - shift) % extent) + extent) % extent;
      out.data[i] = at(x, i + (from - j) * inner);
    }
    return out;
  },
});
