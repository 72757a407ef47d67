/**
 * group_norm(x, w, b) = group_norm(x) w + b with w and b spread over [C, 1, ...]: both go by channel, and the instance
 * norm that ONNX has for the groups does not.
 */
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/value.ts";
import { any, maybe, op } from "../../../passes/pattern.ts";
import { defineRule } from "../../../passes/rule.ts";

export const groupNorm = defineRule({
  name: "onnx-group_norm",
  pattern: op.group_norm(any("x"), maybe(any("weight")), maybe(any("bias"))),
  where: ({ weight, bias }) => weight !== undefined || bias !== undefined || "it has neither weight nor bias",
  rewrite: ({ root, x, weight, bias }, b) => {
    const normed = b.group_norm(x, undefined, undefined, root.attrs);
    const scaled = weight === undefined ? normed : b.mul(normed, spread(b, weight, x));
    return bias === undefined ? scaled : b.add(scaled, spread(b, bias, x));
  },
});

const spread = (b: Builder, vector: Value, x: Value): Value =>
  b.reshape(vector, { shape: [...vector.type.shape, ...x.type.shape.slice(2).map(() => 1)] });
