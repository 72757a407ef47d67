/**
 * A batch norm that no convolution took is a factor and a shift for each channel,
 *
 *     bn(x) = x g + (bias - mean g)   with g = weight / sqrt(var + eps)
 *
 * spread over [C, 1, ...]: two weights are read where it is computed instead of four, and no root is taken.
 */
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/value.ts";
import { any, op, weight } from "../../../passes/pattern.ts";
import { defineRule } from "../../../passes/rule.ts";

export const spreadBatchNorm = defineRule({
  name: "kernel-spread-batch-norm",
  pattern: op.batch_norm(any("x"), weight("scale"), weight("shift"), weight("mean"), weight("variance")),
  rewrite: ({ root, x, scale, shift, mean, variance }, b) => {
    const eps = b.constant({ values: [root.attrs.eps], dtype: variance.type.dtype });
    const gain = b.mul(scale, b.rsqrt(b.add(variance, eps)));
    const offset = b.sub(shift, b.mul(mean, gain));
    return b.add(b.mul(x, spread(b, gain, x)), spread(b, offset, x));
  },
});

const spread = (b: Builder, vector: Value, x: Value): Value =>
  b.reshape(vector, { shape: [...vector.type.shape, ...x.type.shape.slice(2).map(() => 1)] });
