import { dims } from "../attr.ts";
import { printShape, sameShape } from "../dim.ts";
import { emptyLike } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { tensor } from "../type.ts";
import { broadcastShapes, broadcastStrides } from "./elementwise.ts";
import { copyStrided } from "./movement.ts";

export const expand = defineOp({
  name: "expand",
  doc: "x repeated to a shape that it broadcasts to. C1: it does.",
  operands: ["x"],
  attrs: { shape: dims() },
  infer: ({ x }, { shape }) => {
    need(
      sameShape(broadcastShapes(x.shape, shape), shape),
      "C1",
      `${printShape(x.shape)} does not broadcast to ${printShape(shape)}`,
    );
    return tensor(x.dtype, shape);
  },
  evaluate: ({ x }, _, result) =>
    copyStrided(x, 0, broadcastStrides(x.shape, result.shape), emptyLike(x, result.shape)),
});
