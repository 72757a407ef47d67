/**
 * A batch norm after a convolution is a convolution. With g = weight / sqrt(var + eps) per output channel,
 *
 *     bn(conv(x, W, b)) = conv(x, W g, (b - mean) g + bias)
 *
 * exact up to rounding, for any padding: zeros enter the convolution before the affine map in both forms.
 * Preconditions: the convolution has no other use (its own result is not an output or a tap), and all parameters are
 * weights. Saves a pass over the map; the folded weights are expressions, evaluated in float64 at emission and rounded
 * once.
 */
import { any, bind, maybe, op, weight } from "../pattern.ts";
import { defineRule } from "../rule.ts";
import { scaleOutputs } from "./common/per-channel.ts";

export const foldBatchNorm = defineRule({
  name: "fold-batch-norm",
  pattern: op.batch_norm(
    bind("conv", op.conv(any("x"), weight("kernel"), maybe(weight("bias")))),
    weight("scale"),
    weight("shift"),
    weight("mean"),
    weight("variance"),
  ),
  origin: ({ conv }) => conv,
  rewrite: ({ root, conv, x, kernel, bias, scale, shift, mean, variance }, b) => {
    const eps = b.constant({ values: [root.attrs.eps], dtype: variance.type.dtype });
    const gain = b.mul(scale, b.rsqrt(b.add(variance, eps)));
    const offset = bias === undefined ? b.mul(mean, b.neg(gain)) : b.mul(b.sub(bias, mean), gain);
    return b.conv(x, scaleOutputs(b, kernel, gain), b.add(offset, shift), conv.attrs);
  },
});
