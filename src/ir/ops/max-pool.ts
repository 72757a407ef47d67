import { defineOp } from "../op.ts";
import { evaluatePool, inferPool, poolAttrs } from "./pool.ts";

export const max_pool = defineOp({
  name: "max_pool",
  doc: "The largest element of each window of x [N, C, *spatial]; padding never wins. C1: kernel and stride name every spatial axis, padding twice. C2: the window fits. C3: padding is less than the kernel. C4: with ceil and symbolic extents, after + stride <= kernel. C5: kernel and stride are at least 1.",
  operands: ["x"],
  attrs: poolAttrs,
  infer: ({ x }, a) => inferPool(x, a),
  evaluate: ({ x }, a, result) => evaluatePool(x, a, result, (values) => Math.max(...values)),
});
