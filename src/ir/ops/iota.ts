import { axis, dims, dtype } from "../attr.ts";
import { isStatic, printShape } from "../dim.ts";
import { zeros } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { strides, tensor } from "../type.ts";

export const iota = defineOp({
  name: "iota",
  doc: "Each element is its own index along an axis: tables of positions and masks are written with it. C1: the axis exists. C2: extents are not negative.",
  operands: [],
  attrs: { axis: axis(0), dtype: dtype("i64"), shape: dims() },
  infer: (_, { axis, dtype, shape }) => {
    need(axis >= 0 && axis < shape.length, "C1", `axis ${axis} of a tensor of rank ${shape.length}`);
    need(
      shape.every((d) => !isStatic(d) || d >= 0),
      "C2",
      `a shape cannot have negative extents: ${printShape(shape)}`,
    );
    return tensor(dtype, shape);
  },
  evaluate: (_, { axis }, { dtype, shape }) => {
    const out = zeros(dtype, shape);
    const step = strides(shape)[axis] ?? 1;
    const extent = shape[axis] ?? 1;
    for (let i = 0; i < out.data.length; i++) out.data[i] = Math.floor(i / step) % extent;
    return out;
  },
});
