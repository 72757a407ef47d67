/**
 * A quotient in front of a shift that must stay reaches the convolution behind it. With a and c one number per input
 * channel,
 *
 *     conv(x / a + c, W, b) = conv(x + c a, W / a, b), and with - for a difference
 *
 * exact up to rounding, for any padding: the zeros around (x + c a) / a are those around x + c a. Preconditions: quotient
 * and shift have no other use; all but x are weights that differ along the channels alone. A product in place of the
 * quotient is left: the shift would be divided by the factor, which may be 0.
 * Saves a pass over the input: with fold-input-scale, one subtraction is left of a normalisation before a padded stem.
 */
import { any, bind, maybe, oneOf, op, weight } from "../pattern.ts";
import { defineRule } from "../rule.ts";
import { perChannel, scaleInputs } from "./common/per-channel.ts";

const quotient = op.div(any("x"), weight("divisor"));

export const foldInputScalePastShift = defineRule({
  name: "fold-input-scale-past-shift",
  pattern: op.conv(
    bind("shifted", oneOf(op.add(quotient, weight("shift")), op.sub(quotient, weight("shift")))),
    weight("kernel"),
    maybe(weight("bias")),
  ),
  where: ({ divisor, shift, x }) => {
    const scales = perChannel(x, divisor, 1);
    return scales === true ? perChannel(x, shift, 1) : scales;
  },
  rewrite: ({ root: { attrs }, shifted, divisor, shift, x, kernel, bias }, b) =>
    b.conv(b[shifted.op](x, b.mul(shift, divisor)), scaleInputs(b, "div", kernel, divisor, attrs.groups), bias, attrs),
});
