/** attention(q, k, v, bias) = softmax((q scale) k^T + bias) v, for attention whose heads lie apart: ONNX's operator for it is not chosen here. */
import { any, maybe, op } from "../../../passes/pattern.ts";
import { defineRule } from "../../../passes/rule.ts";
import { swapLast } from "./swap-last.ts";

export const attention = defineRule({
  name: "onnx-attention",
  pattern: op.attention(any("q"), any("k"), any("v"), maybe(any("bias"))),
  rewrite: ({ root, q, k, v, bias }, b) => {
    const { scale } = root.attrs;
    const scaled = scale === 1 ? q : b.mul(q, b.constant({ values: [scale], dtype: q.type.dtype, shape: [] }));
    const products = b.matmul(scaled, swapLast(b, k));
    return b.matmul(b.softmax(bias === undefined ? products : b.add(products, bias), { axis: -1 }), v);
  },
});
