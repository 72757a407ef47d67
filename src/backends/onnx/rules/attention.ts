/**
 * attention(q, k, v, bias) = softmax((q scale) k^T + bias) v, for attention whose heads lie apart: ONNX's operator for it is not
 * chosen here. Of halves the products are halves and what lies between them is float32: exponentials want its range.
 */
import type { Value } from "../../../ir/value.ts";
import { any, maybe, op } from "../../../passes/pattern.ts";
import { defineRule } from "../../../passes/rule.ts";
import { swapLast } from "./swap-last.ts";

export const attention = defineRule({
  name: "onnx-attention",
  pattern: op.attention(any("q"), any("k"), any("v"), maybe(any("bias"))),
  rewrite: ({ root, q, k, v, bias }, b) => {
    const { scale } = root.attrs;
    const scaled = scale === 1 ? q : b.mul(q, b.constant({ values: [scale], dtype: q.type.dtype, shape: [] }));
    const isHalf = root.type.dtype === "f16";
    const wide = (x: Value): Value => (isHalf ? b.cast(x, { to: "f32" }) : x);
    const products = wide(b.matmul(scaled, swapLast(b, k)));
    const weights = b.softmax(bias === undefined ? products : b.add(products, wide(bias)), { axis: -1 });
    return b.matmul(isHalf ? b.cast(weights, { to: "f16" }) : weights, v);
  },
});
