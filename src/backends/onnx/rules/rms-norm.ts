/** rms_norm(x, w) = x / sqrt(mean(x^2) + eps) w over the last axis; opset 23 has an operator for it. */
import { any, maybe, op } from "../../../passes/pattern.ts";
import { type Rule, defineRule } from "../../../passes/rule.ts";

export const rmsNorm = (opset: number): Rule =>
  defineRule({
    name: "onnx-rms_norm",
    pattern: op.rms_norm(any("x"), maybe(any("weight"))),
    where: () => opset < 23 || `opset ${opset} has RMSNormalization`,
    rewrite: ({ root, x, weight }, b) => {
      const eps = b.constant({ values: [root.attrs.eps], dtype: x.type.dtype, shape: [] });
      const square = b.reduce_mean(b.mul(x, x), { axes: [-1], keep: true });
      const normed = b.div(x, b.sqrt(b.add(square, eps)));
      return weight === undefined ? normed : b.mul(normed, weight);
    },
  });
