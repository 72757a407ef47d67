import { axis } from "../attr.ts";
import { type Dim, addDim, sameDim } from "../dim.ts";
import { at, zeros } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { count, tensor } from "../type.ts";
import { commonDType } from "./elementwise.ts";

export const concat = defineOp({
  name: "concat",
  doc: "Tensors one after the other along an axis. C1: equal element types. C2: at least one operand, and the axis exists. C3: equal extents elsewhere.",
  operands: ["xs*"],
  attrs: { axis: axis() },
  infer: ({ xs }, { axis }) => {
    const [first] = xs;
    need(first !== undefined && axis >= 0 && axis < first.shape.length, "C2", `axis ${axis} of ${xs.length} operands`);
    const agree = xs.every(
      (x) =>
        x.shape.length === first.shape.length && x.shape.every((d, i) => i === axis || sameDim(d, first.shape[i] ?? 0)),
    );
    need(agree, "C3", "extents differ off the axis");
    const extent = xs.reduce<Dim>((sum, x) => addDim(sum, x.shape[axis] ?? 0), 0);
    return tensor(commonDType(xs), first.shape.with(axis, extent));
  },
  evaluate: ({ xs }, { axis }, result) => {
    const out = zeros(result.dtype, result.shape);
    const inner = count(result.shape.slice(axis + 1));
    const row = (result.shape[axis] ?? 1) * inner;
    let from = 0;
    for (const x of xs) {
      const width = (x.shape[axis] ?? 1) * inner;
      for (let i = 0; i < x.data.length; i++) out.data[Math.floor(i / width) * row + from + (i % width)] = at(x, i);
      from += width;
    }
    return out;
  },
});
