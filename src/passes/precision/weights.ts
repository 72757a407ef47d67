import type { Builder } from "../../ir/builder.ts";
import { isStatic } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";

/** The least size of a step: what is smaller is zero. */
const leastStep = 2 ** -60;
/** A bias may take this many steps of the sums, half of what 32 bits hold. */
const biasSteps = 2 ** 30;

/** A weight as the number that runs, and its bias likewise. */
interface EightWeight {
  readonly numbers: Value;
  readonly bias: Value | undefined;
}

const number = (b: Builder, value: number): Value => b.constant({ values: [value] });

/** The size of a step where the greatest magnitude takes so many. */
const stepSize = (b: Builder, greatest: Value, steps: number): Value =>
  b.maximum(b.div(greatest, number(b, steps)), number(b, leastStep));

/** Sizes of steps by index of one axis: its greatest magnitude is 127 steps, and zero is zero. */
export function symmetricScale(b: Builder, weight: Value, axis: number): Value {
  const others = weight.type.shape.flatMap((_, i) => (i === axis ? [] : [i]));
  return stepSize(b, b.reduce_max(b.abs(weight), { axes: others }), 127);
}

/**
 * A kernel [O, ...] rounded symmetrically to integers from -127 to 127 by output channel, and its bias to integers of 32
 * bits whose steps are those of the sums: the step of the input times that of the weight. A channel of small weights under
 * a large bias takes longer steps, so that the bias fits.
 */
export function eightBitProduct(b: Builder, weight: Value, bias: Value | undefined, inputStep: number): EightWeight {
  const own = symmetricScale(b, weight, 0);
  const scale = bias === undefined ? own : b.maximum(own, b.div(b.abs(bias), number(b, inputStep * biasSteps)));
  const numbers = roundTrip(b, weight, scale, 0);
  if (bias === undefined) return { numbers, bias };
  const sums = b.mul(scale, number(b, inputStep));
  return { numbers, bias: b.dequantize(b.quantize(bias, sums, undefined, { to: "i32" }), sums, undefined) };
}

const roundTrip = (b: Builder, weight: Value, scale: Value, axis: number): Value =>
  b.dequantize(b.quantize(weight, scale, undefined, { to: "i8", axis }), scale, undefined, { axis });

/** A weight that is kept as integers from -127 to 127 with a scale for each index of an axis. */
export const eightBitWeight = (b: Builder, weight: Value, axis: number): Value =>
  roundTrip(b, weight, symmetricScale(b, weight, axis), axis);

/** A weight that is kept as integers from -7 to 7 with a scale for every `block` numbers along an axis of static extent. */
export function fourBitWeight(b: Builder, weight: Value, axis: number, block: number): Value {
  const scale = stepSize(b, greatestOfBlocks(b, weight, axis, block), 7);
  return b.dequantize(b.quantize(weight, scale, undefined, { to: "i4", axis, block }), scale, undefined, {
    axis,
    block,
  });
}

function greatestOfBlocks(b: Builder, weight: Value, axis: number, block: number): Value {
  const shape = weight.type.shape.filter(isStatic);
  const blocks = Math.ceil((shape[axis] ?? 1) / block);
  const missing = blocks * block - (shape[axis] ?? 1);
  const magnitudes = b.abs(weight);
  const padding = [...shape.map(() => 0), ...shape.map((_, i) => (i === axis ? missing : 0))];
  const whole = missing === 0 ? magnitudes : b.pad(magnitudes, { padding });
  const split = b.reshape(whole, { shape: [...shape.slice(0, axis), blocks, block, ...shape.slice(axis + 1)] });
  return b.reduce_max(split, { axes: [axis + 1] });
}
