/**
 * packed_attention(q, k, v, bias) = reshape(transpose(attention(heads(q), heads(k), heads(v), bias))): before opset 23
 * ONNX has no operator that takes heads apart.
 */
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/value.ts";
import { any, maybe, op } from "../../../passes/pattern.ts";
import { type Rule, defineRule } from "../../../passes/rule.ts";

export const packedAttention = (opset: number): Rule =>
  defineRule({
    name: "onnx-packed_attention",
    pattern: op.packed_attention(any("q"), any("k"), any("v"), maybe(any("bias"))),
    where: () => opset < 23 || `opset ${opset} has Attention`,
    rewrite: ({ root, q, k, v, bias }, b) => {
      const { heads, scale } = root.attrs;
      const apart = b.attention(split(b, q, heads), split(b, k, heads), split(b, v, heads), bias, { scale });
      return b.reshape(b.transpose(apart, { perm: [0, 2, 1, 3] }), { shape: root.type.shape });
    },
  });

function split(b: Builder, x: Value, heads: number): Value {
  const [batch = 0, tokens = 0, channels] = x.type.shape;
  const shape = [batch, tokens, heads, Number(channels) / heads];
  return b.transpose(b.reshape(x, { shape }), { perm: [0, 2, 1, 3] });
}
