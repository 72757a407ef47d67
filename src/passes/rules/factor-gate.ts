/**
 * A map plus its gated self and a weight is one product and one sum:
 *
 *     x + (b + x n) = x (1 + n) + b      where n is smaller than x
 *
 * Preconditions: the inner sum and product have no other use, and b is a weight no larger than x. Saves a pass over the
 * map, and leaves b where the projection behind takes it up (fold-input-shift): the response normalisation of convnextv2.
 */
import { sameShape } from "../../ir/dim.ts";
import { any, op, weight } from "../pattern.ts";
import { defineRule } from "../rule.ts";

export const factorGate = defineRule({
  name: "factor-gate",
  pattern: op.add(any("x"), op.add(weight("shift"), op.mul(any("x"), any("gate")))),
  where: ({ root, x, gate }) => {
    if (!sameShape(root.type.shape, x.type.shape)) return "the shift is larger than the map";
    return !sameShape(gate.type.shape, x.type.shape) || "the gate is as large as the map";
  },
  rewrite: ({ x, shift, gate }, b) => {
    const one = b.constant({ values: [1], dtype: gate.type.dtype });
    return b.add(b.mul(x, b.add(gate, one)), shift);
  },
});
