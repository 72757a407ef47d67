/**
 * A convolution or linear map turns a shift of its input into one of its output. With c one number per input channel,
 *
 *     conv(x + c, W, b) = conv(x, W, b + sum of W c over input channels and window)
 *     W (x + c) + b     = W x + (b + W c)                                    and with - for a difference
 *
 * exact up to rounding. Preconditions: no padding, for its zeros are not shifted and outputs at the border see fewer of
 * the terms (patch embeddings have none; before a padded stem the shift stays); the shifted input has no other use; shift,
 * kernel and bias are weights, and the shift differs along the channels alone. Saves a pass over the input: normalised
 * pixels, and the hidden map of convnextv2.
 */
import { is } from "../../ir/value.ts";
import { any, bind, maybe, oneOf, op, weight } from "../pattern.ts";
import { defineRule } from "../rule.ts";
import { channelAxis, perChannel, scaleInputs } from "./common/per-channel.ts";

const shifted = bind("shifted", oneOf(op.add(any("x"), weight("shift")), op.sub(any("x"), weight("shift"))));

export const foldInputShift = defineRule({
  name: "fold-input-shift",
  pattern: oneOf(
    op.conv(shifted, weight("kernel"), maybe(weight("bias"))),
    op.linear(shifted, weight("kernel"), maybe(weight("bias"))),
  ),
  where: ({ root, shift, x }) => {
    if (is(root, "conv") && root.attrs.padding.some((n) => n !== 0)) return "the padding is zeros that are not shifted";
    return perChannel(x, shift, channelAxis(root));
  },
  rewrite: ({ root, shifted, shift, x, kernel, bias }, b) => {
    const axes = kernel.type.shape.map((_, axis) => axis).slice(1);
    const terms = scaleInputs(b, "mul", kernel, shift, is(root, "conv") ? root.attrs.groups : 1);
    const sum = b.reduce_sum(terms, { axes });
    const moved = shifted.op === "add" ? sum : b.neg(sum);
    const offset = bias === undefined ? moved : b.add(bias, moved);
    return is(root, "conv") ? b.conv(x, kernel, offset, root.attrs) : b.linear(x, kernel, offset);
  },
});
