import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/value.ts";
import { type Eight, type Steps, eight, rounded, stepsOf } from "./steps.ts";

/** Of what lies between 0 and 1. */
const unit = stepsOf({ low: 0, high: 1 });
const six = stepsOf({ low: 0, high: 6 });

/**
 * An activation of integers, of forms that ONNX Runtime computes on integers: tables of 256 entries (sigmoid, leaky_relu),
 * sums and products. A cut at the ends of the integers is free:
 *
 *     relu6(x + 3) = x + 3        rounded to 0 to 255 in steps of 6/255
 *     hard_sigmoid(x) = relu6(x + 3) / 6        the same integers in steps of 1/255
 *     hard_swish(x) = x relu6(x + 3) / 6        rounded in steps six times as large, read in the given ones
 *     silu(x) = x sigmoid(x)
 */
export function activationOf(b: Builder, x: Eight, { attrs }: Value<"activation">, steps: Steps): Eight {
  const { numbers } = x;
  const { kind } = attrs;
  switch (kind) {
    case "hard_sigmoid":
      return eight(b, hardGate(b, numbers).integers, unit);
    case "hard_swish": {
      const large = { size: Math.fround(6 * steps.size), zero: steps.zero };
      return eight(b, rounded(b, b.mul(numbers, hardGate(b, numbers).numbers), large), steps);
    }
    case "sigmoid":
      return eight(b, rounded(b, b.activation(numbers, attrs), unit), unit);
    case "silu": {
      const gate = eight(b, rounded(b, b.activation(numbers, { kind: "sigmoid" }), unit), unit);
      return eight(b, rounded(b, b.mul(numbers, gate.numbers), steps), steps);
    }
    default:
      return eight(b, rounded(b, b.activation(numbers, attrs), steps), steps);
  }
}

/** x + 3 between 0 and 6; the summand is in integers too, for runtimes add integers only to such. */
function hardGate(b: Builder, x: Value): Eight {
  const one = { size: 1, zero: 0 };
  const three = eight(b, b.constant({ values: [3], dtype: "u8" }), one).numbers;
  return eight(b, rounded(b, b.add(x, three), six), six);
}
