/**
 * A gated map is scaled at its gate. With a gate n that broadcasts to the map x, and a weight g,
 *
 *     g (x n) = x (g n)      where g n is smaller than x n
 *
 * Preconditions: the inner product has no other use. Saves a pass over the map: the response normalisation of convnextv2
 * multiplies by a gate of one number per channel, and then by a learnt scale per channel.
 */
import { sameShape } from "../../ir/dim.ts";
import { broadcastShapes } from "../../ir/ops/elementwise.ts";
import type { Value } from "../../ir/value.ts";
import { any, op, weight } from "../pattern.ts";
import { defineRule } from "../rule.ts";

export const scaleGate = defineRule({
  name: "scale-gate",
  pattern: op.mul(weight("scale"), op.mul(any("x"), any("y"))),
  where: ({ root, scale, x, y }) =>
    gateOf(root, scale, x, y) !== undefined || "both factors become as large as their product",
  rewrite: ({ root, scale, x, y }, b) => {
    const gate = gateOf(root, scale, x, y) ?? y;
    return b.mul(gate === y ? x : y, b.mul(scale, gate));
  },
});

/** The factor that stays smaller than the product when it is scaled. */
const gateOf = (root: Value, scale: Value, ...factors: readonly Value[]): Value | undefined =>
  factors.find((f) => !sameShape(broadcastShapes(scale.type.shape, f.type.shape), root.type.shape));
