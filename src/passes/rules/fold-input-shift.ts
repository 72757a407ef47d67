/**
 * A convolution turns a shift of its input into one of its output. With c one number per input channel,
 *
 *     conv(x + c, W, b) = conv(x, W, b + sum of W c over input channels and window), and with - for a difference
 *
 * Preconditions: no padding, for its zeros are not shifted and outputs at the border see fewer of the terms (patch
 * embeddings have none; before a padded stem the shift stays); the shifted input has no other use; shift, kernel and bias
 * are weights, and the shift differs along the channels alone. Saves a pass over the input.
 */
import { byInputChannel, isPerChannel } from "../input-channels.ts";
import { any, bind, maybe, oneOf, op, weight } from "../pattern.ts";
import { defineRule } from "../rule.ts";

export const foldInputShift = defineRule({
  name: "fold-input-shift",
  pattern: op.conv(
    bind("shifted", oneOf(op.add(any("x"), weight("shift")), op.sub(any("x"), weight("shift")))),
    weight("kernel"),
    maybe(weight("bias")),
  ),
  where: ({ root: { attrs }, shift, x }) =>
    attrs.padding.every((n) => n === 0) ? isPerChannel(shift, x) : "the padding is zeros that are not shifted",
  rewrite: ({ root: { attrs }, shifted, shift, x, kernel, bias }, b) => {
    const axes = kernel.type.shape.map((_, axis) => axis).slice(1);
    const sum = b.reduce_sum(byInputChannel(b, "mul", kernel, shift, attrs.groups), { axes });
    const offset = shifted.op === "add" ? sum : b.neg(sum);
    return b.conv(x, kernel, bias === undefined ? offset : b.add(bias, offset), attrs);
  },
});
