/**
 * A linear map turns a shift of its input into one of its output:
 *
 *     W (x + c) + b = W x + (b + W c)      with c one number per input channel
 *
 * exact up to rounding. Preconditions: the shifted input has no other use; shift, matrix and bias are weights. Saves a pass
 * over the input, such as the hidden map of convnextv2.
 */
import { any, bind, maybe, op, weight } from "../pattern.ts";
import { channelVector, perChannel } from "../per-channel.ts";
import { defineRule } from "../rule.ts";

export const foldShift = defineRule({
  name: "fold-shift",
  pattern: op.linear(bind("shifted", op.add(any("x"), weight("shift"))), weight("matrix"), maybe(weight("bias"))),
  where: ({ shifted, x, shift }) => perChannel(shifted, x, shift, -1),
  rewrite: ({ x, shift, matrix, bias }, b) => {
    const moved = b.reduce_sum(b.mul(matrix, channelVector(b, shift)), { axes: [1] });
    return b.linear(x, matrix, bias === undefined ? moved : b.add(bias, moved));
  },
});
