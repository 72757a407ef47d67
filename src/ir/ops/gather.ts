import { axis } from "../attr.ts";
import { at, emptyLike } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { count, tensor } from "../type.ts";

export const gather = defineOp({
  name: "gather",
  doc: "Entries of x along an axis, picked by an integer tensor whose shape takes the axis' place. C1: the axis exists. C2: indices are i64 or i32. C3: they are from 0 to below the extent.",
  operands: ["x", "indices"],
  attrs: { axis: axis(0) },
  infer: ({ x, indices }, { axis }) => {
    need(axis >= 0 && axis < x.shape.length, "C1", `axis ${axis} of rank ${x.shape.length}`);
    need(indices.dtype === "i64" || indices.dtype === "i32", "C2", `indices are ${indices.dtype}`);
    return tensor(x.dtype, [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]);
  },
  evaluate: ({ x, indices }, { axis }, result) => {
    const out = emptyLike(x, result.shape);
    const inner = count(x.shape.slice(axis + 1));
    const extent = x.shape[axis] ?? 1;
    const picks = indices.data.length;
    for (let i = 0; i < out.data.length; i++) {
      const outer = Math.floor(i / (inner * picks));
      const pick = at(indices, Math.floor(i / inner) % picks);
      need(pick >= 0 && pick < extent, "C3", `index ${pick} of an extent of ${extent}`);
      out.data[i] = at(x, (outer * extent + pick) * inner + (i % inner));
    }
    return out;
  },
});
