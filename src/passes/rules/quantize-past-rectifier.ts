/**
 * A rectifier before rounding to integers from 0 is that rounding:
 *
 *     quantize(relu(x), s, 0) = quantize(x, s, 0)                         to u8: what is below 0 is cut to 0
 *     quantize(relu6(x), s, 0) = quantize(x, s, 0)    where 6 / s > 254.5          and what is above 6 to 255
 *
 * Equal for every x. Preconditions: the zero point is the constant 0 (or absent), the element type u8, and for relu6 one
 * constant scale. Saves a pass over the map, and leaves the rounding right behind the convolution, where runtimes fuse it.
 */
import { is } from "../../ir/value.ts";
import { any, bind, maybe, op } from "../pattern.ts";
import { defineRule } from "../rule.ts";

export const quantizePastRectifier = defineRule({
  name: "quantize-past-rectifier",
  pattern: op.quantize(bind("act", op.activation(any("x"))), any("scale"), maybe(any("zero"))),
  where: ({ root, act, scale, zero }) => {
    const { kind } = act.attrs;
    if (kind !== "relu" && kind !== "relu6") return `${kind} is no rectifier`;
    if (root.attrs.to !== "u8") return `${root.attrs.to} has integers below 0`;
    const startsAtZero = zero === undefined || (is(zero, "constant") && zero.attrs.values.every((v) => v === 0));
    if (!startsAtZero) return "the zero point is not known to be 0";
    if (kind === "relu") return true;
    if (!is(scale, "constant")) return "the scale is no constant";
    return scale.attrs.values.every((s) => 6 / s > 254.5) || "255 steps go beyond 6";
  },
  rewrite: ({ root, x, scale, zero }, b) => b.quantize(x, scale, zero, root.attrs),
});
