/**
 * A convolution reads a scaled input as well through scaled weights. With s one number per input channel,
 *
 *     conv(x s, W, b) = conv(x, W s, b)        conv(x / s, W, b) = conv(x, W / s, b)
 *
 * exact up to rounding, for any padding: zeros stay zeros under a scale. Preconditions: the scaled input has no other use,
 * scale and kernel are weights, and the scale differs along the channels alone.
 * Saves a pass over the input; fires on the normalisation of pictures in front of every stem.
 */
import { any, bind, maybe, oneOf, op, weight } from "../pattern.ts";
import { defineRule } from "../rule.ts";
import { perChannel, scaleInputs } from "./common/per-channel.ts";

export const foldInputScale = defineRule({
  name: "fold-input-scale",
  pattern: op.conv(
    bind("scaled", oneOf(op.mul(any("x"), weight("scale")), op.div(any("x"), weight("scale")))),
    weight("kernel"),
    maybe(weight("bias")),
  ),
  where: ({ scale, x }) => perChannel(x, scale, 1),
  rewrite: ({ root: { attrs }, scaled, scale, x, kernel, bias }, b) =>
    b.conv(x, scaleInputs(b, scaled.op, kernel, scale, attrs.groups), bias, attrs),
});
