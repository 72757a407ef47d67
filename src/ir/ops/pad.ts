import { dims, float, oneOf } from "../attr.ts";
import { type Dim, addDim, isStatic } from "../dim.ts";
import { at, emptyLike } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { strides, tensor } from "../type.ts";
import { unravel } from "./conv.ts";

export const pad = defineOp({
  name: "pad",
  doc:
    "Adds elements around x: padding lists the number before every axis, then after; negative numbers crop. Reflect " +
    "mirrors without repeating the border. Symbols are checked where they have values. C1: padding names every axis twice. C2: no negative extents. C3: reflect pads less than the extent and crops nothing.",
  operands: ["x"],
  attrs: { padding: dims(), mode: oneOf(["constant", "reflect"], "constant"), value: float(0) },
  infer: ({ x }, { padding, mode }) => {
    const rank = x.shape.length;
    need(padding.length === 2 * rank, "C1", `${padding.length} paddings for ${rank} axes`);
    const shape = x.shape.map((d, i) => addDim(d, padding[i] ?? 0, padding[i + rank] ?? 0));
    need(
      shape.every((d) => !isStatic(d) || d >= 0),
      "C2",
      "the crop is larger than the extent",
    );
    const fits = padding.every((p, i) => {
      const extent = x.shape[i % rank] ?? 0;
      return !isStatic(p) || (p >= 0 && (!isStatic(extent) || p < extent || p === 0));
    });
    need(mode === "constant" || fits, "C3", "reflection pads less than the extent and never crops");
    return tensor(x.dtype, shape);
  },
  evaluate: ({ x }, { padding, mode, value }, result) => {
    const out = emptyLike(x, result.shape);
    const own = strides(x.shape);
    const before = padding.slice(0, x.shape.length).map(numberOf);
    for (let i = 0; i < out.data.length; i++) {
      let flat = 0;
      const inside = unravel(i, result.shape).every((o, d) => {
        const extent = x.shape[d] ?? 1;
        let from = o - (before[d] ?? 0);
        if (mode === "reflect") from = from < 0 ? -from : from >= extent ? 2 * (extent - 1) - from : from;
        flat += from * (own[d] ?? 1);
        return from >= 0 && from < extent;
      });
      out.data[i] = inside ? at(x, flat) : value;
    }
    return out;
  },
});

function numberOf(padding: Dim): number {
  need(isStatic(padding), "C1", "a symbolic padding has no value yet");
  return padding;
}
