/**
 * packed_attention(q, k, v, bias) = reshape(transpose(attention(heads(q), heads(k), heads(v), bias))): before opset 23
 * ONNX has no operator that takes heads apart, and ONNX Runtime's takes some biases only.
 */
import type { Builder } from "../../../ir/builder.ts";
import { printDim, sameDim } from "../../../ir/dim.ts";
import type { Value } from "../../../ir/value.ts";
import { any, maybe, op } from "../../../passes/pattern.ts";
import type { TakesBias } from "../../../passes/rules/pack-heads.ts";
import { type Rule, defineRule } from "../../../passes/rule.ts";

/** The operator set that has Attention. */
export const packedAttentionSince = 23;

/**
 * What ONNX Runtime's Attention takes: it broadcasts over batch and heads, not over tokens, although the standard's does
 * (ONNX Runtime 1.30, `attn_mask` of rank 2 to 4).
 */
export const takesBias: TakesBias = ({ type: { shape } }, rows, columns) => {
  const [n, m] = shape.slice(-2);
  if (n === undefined || m === undefined) return `Attention takes a bias of rank 2 to 4, not ${shape.length}`;
  if (sameDim(n, rows) && sameDim(m, columns)) return true;
  return `Attention does not spread a bias [${shape.map(printDim).join(", ")}] over [${printDim(rows)}, ${printDim(columns)}]`;
};

export const packedAttention = (opset: number): Rule =>
  defineRule({
    name: "onnx-packed_attention",
    pattern: op.packed_attention(any("q"), any("k"), any("v"), maybe(any("bias"))),
    where: ({ q, k, bias }) => {
      if (opset < packedAttentionSince) return true;
      const [, n = 1] = q.type.shape;
      const [, m = 1] = k.type.shape;
      const takes = bias === undefined || takesBias(bias, n, m) === true;
      return !takes || `opset ${opset} has Attention`;
    },
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
