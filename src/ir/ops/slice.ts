import { axis, dims, int } from "../attr.ts";
import { type Dim, ceilDivDim, isStatic, printDim, subDim } from "../dim.ts";
import { emptyLike } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { strides, tensor } from "../type.ts";
import { copyStrided } from "./movement.ts";

export const slice = defineOp({
  name: "slice",
  doc: "Elements from range[0] to before range[1] along an axis, every step-th. C1: the axis exists. C2: 0 <= start <= end <= extent, step > 0.",
  operands: ["x"],
  attrs: { axis: axis(), range: dims(), step: int(1) },
  infer: ({ x }, { axis, range, step }) => {
    const extent = x.shape[axis];
    const [start = 0, end = 0] = range;
    need(extent !== undefined, "C1", `axis ${axis} of rank ${x.shape.length}`);
    const ordered =
      range.length === 2 &&
      step > 0 &&
      notNegative(start) &&
      notNegative(subDim(end, start)) &&
      notNegative(subDim(extent, end));
    need(ordered, "C2", `range ${range.map(printDim).join("..")} of an extent of ${printDim(extent)}`);
    return tensor(x.dtype, x.shape.with(axis, ceilDivDim(subDim(end, start), step)));
  },
  evaluate: ({ x }, { axis, range, step }, result) => {
    const steps = strides(x.shape);
    const stride = steps[axis] ?? 1;
    const start = range[0] ?? 0;
    need(isStatic(start), "C2", "a symbolic range has no value yet");
    return copyStrided(x, start * stride, steps.with(axis, stride * step), emptyLike(x, result.shape));
  },
});

/** A symbolic extent is taken to be large enough; the interpreter infers again where symbols have values. */
const notNegative = (d: Dim): boolean => !isStatic(d) || d >= 0;
