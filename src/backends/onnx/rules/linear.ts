/**
 * linear(x, W, b) = x W^T + b. Rank 2 stays: it is a Gemm, which takes W as it is. Other ranks have no operator; the
 * transposed weight is evaluated at emission.
 */
import { any, maybe, op } from "../../../passes/pattern.ts";
import { defineRule } from "../../../passes/rule.ts";
import { swapLast } from "./swap-last.ts";

export const linear = defineRule({
  name: "onnx-linear",
  pattern: op.linear(any("x"), any("weight"), maybe(any("bias"))),
  where: ({ x }) => x.type.shape.length !== 2 || "rank 2 is a Gemm",
  rewrite: ({ x, weight, bias }, b) => {
    const product = b.matmul(x, swapLast(b, weight));
    return bias === undefined ? product : b.add(product, bias);
  },
});
