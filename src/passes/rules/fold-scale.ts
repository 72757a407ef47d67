/**
 * A convolution or linear map that is scaled by channel is one with scaled outputs. With a weight g that varies along the
 * channels alone, or not at all,
 *
 *     g conv(x, W, b) = conv(x, g W, g b)          g (W x + b) = (g W) x + g b
 *
 * exact up to rounding, with any padding. Preconditions: the projection has no other use, and its parameters are weights.
 * It is the layer scale of convnext, deit3, dinov2 and mobilenetv4. Saves one pass over the result, and a residual addition
 * follows the projection at once.
 */
import { is } from "../../ir/value.ts";
import { any, bind, maybe, oneOf, op, weight } from "../pattern.ts";
import { defineRule } from "../rule.ts";
import { channelAxis, perChannel, scaleBias, scaleOutputs } from "./common/per-channel.ts";

export const foldScale = defineRule({
  name: "fold-scale",
  pattern: op.mul(
    bind(
      "made",
      oneOf(
        op.conv(any("x"), weight("kernel"), maybe(weight("bias"))),
        op.linear(any("x"), weight("kernel"), maybe(weight("bias"))),
      ),
    ),
    weight("gain"),
  ),
  where: ({ made, gain }) => perChannel(made, gain, channelAxis(made)),
  origin: ({ made }) => made,
  rewrite: ({ made, x, kernel, bias, gain }, b) => {
    const scaled = scaleOutputs(b, kernel, gain);
    const offset = bias && scaleBias(b, bias, gain);
    return is(made, "conv") ? b.conv(x, scaled, offset, made.attrs) : b.linear(x, scaled, offset);
  },
});
