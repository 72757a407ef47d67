import { dims } from "../attr.ts";
import { compareDim, printShape } from "../dim.ts";
import { ndarray } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { elements, tensor } from "../type.ts";

export const reshape = defineOp({
  name: "reshape",
  doc: "The same elements in row-major order under another shape. C1: as many elements, for every size.",
  operands: ["x"],
  attrs: { shape: dims() },
  infer: ({ x }, { shape }) => {
    need(
      compareDim(elements(x.shape), elements(shape)) === "yes",
      "C1",
      `${printShape(x.shape)} and ${printShape(shape)} do not hold the same number of elements`,
    );
    return tensor(x.dtype, shape);
  },
  evaluate: ({ x }, _, result) => ndarray(x.dtype, result.shape, x.data),
});
