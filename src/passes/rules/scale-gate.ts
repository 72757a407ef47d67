/**
 * A gated map is scaled at its gate. With a gate n that broadcasts to the map x, and a weight g,
 *
 *     g (x n) = x (g n)      where g n is smaller than x n
 *
 * Preconditions: the inner product has no other use, and x is no weight: it would be the next g, and the two would change
 * places for ever. So each step merges two weights or brings one further inside. Saves a pass over the map: the response
 * normalisation of convnextv2 multiplies by a gate of one number per channel, and then by a learnt scale per channel.
 */
import { sameShape } from "../../ir/dim.ts";
import { broadcastShapes } from "../../ir/ops/elementwise.ts";
import type { Value } from "../../ir/value.ts";
import { any, op, weight } from "../pattern.ts";
import { defineRule } from "../rule.ts";

export const scaleGate = defineRule({
  name: "scale-gate",
  pattern: op.mul(weight("scale"), op.mul(any("x"), any("y"))),
  where: ({ root, scale, x, y }) => {
    const isSmaller = (gate: Value): boolean =>
      !sameShape(broadcastShapes(scale.type.shape, gate.type.shape), root.type.shape);
    const roles = [
      { gate: x, map: y },
      { gate: y, map: x },
    ].filter(({ gate }) => isSmaller(gate));
    if (roles.length === 0) return "both factors become as large as their product";
    return roles.find(({ map }) => !map.isWeight) ?? "the factor that would stay outside is a weight";
  },
  rewrite: ({ scale, gate, map }, b) => b.mul(map, b.mul(scale, gate)),
});
