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
import { alongOutputs, channelVector, perChannel } from "../per-channel.ts";
import { defineRule } from "../rule.ts";

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
  where: ({ root, made, gain }) => perChannel(root, made, gain, made.op === "conv" ? 1 : -1),
  origin: ({ made }) => made,
  rewrite: ({ made, x, kernel, bias, gain }, b) => {
    const vector = channelVector(b, gain);
    const scaled = b.mul(kernel, alongOutputs(b, vector, kernel));
    const offset = bias === undefined ? undefined : b.mul(bias, vector);
    return is(made, "conv") ? b.conv(x, scaled, offset, made.attrs) : b.linear(x, scaled, offset);
  },
});
