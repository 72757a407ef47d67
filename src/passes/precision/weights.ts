import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/value.ts";

/** The least size of a step: what is smaller is zero. */
const leastStep = 2 ** -60;
/** A bias may take this many steps of the sums, half of what 32 bits hold. */
const biasSteps = 2 ** 30;

/** A weight in eight bits, as the number that runs, and its scale per output [O]. */
export interface EightWeight {
  readonly numbers: Value;
  readonly bias: Value | undefined;
}

/** The size of a step by output channel: the greatest magnitude is 127 steps, and zero is zero. */
export function symmetricScale(b: Builder, weight: Value, channels: number, steps: number): Value {
  const others = weight.type.shape.flatMap((_, axis) => (axis === channels ? [] : [axis]));
  const greatest = b.reduce_max(b.abs(weight), { axes: others });
  return b.maximum(b.div(greatest, number(b, steps)), number(b, leastStep));
}

const number = (b: Builder, value: number): Value => b.constant({ values: [value] });

/**
 * A kernel [O, ...] rounded symmetrically to integers from -127 to 127 by output channel, and its bias to integers of 32
 * bits whose steps are those of the sums: the step of the input times that of the weight. A channel of small weights under
 * a large bias takes longer steps, so that the bias fits.
 */
export function eightBitWeight(b: Builder, weight: Value, bias: Value | undefined, inputStep: number): EightWeight {
  const own = symmetricScale(b, weight, 0, 127);
  const scale = bias === undefined ? own : b.maximum(own, b.div(b.abs(bias), number(b, inputStep * biasSteps)));
  const numbers = b.dequantize(b.quantize(weight, scale, undefined, { to: "i8", axis: 0 }), scale, undefined, {
    axis: 0,
  });
  if (bias === undefined) return { numbers, bias };
  const sums = b.mul(scale, number(b, inputStep));
  return { numbers, bias: b.dequantize(b.quantize(bias, sums, undefined, { to: "i32" }), sums, undefined) };
}
