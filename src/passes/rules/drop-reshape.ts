/**
 * A reshape to the shape that x has is x. Saves a node. It is what the other rules make of two reshapes or two transposes
 * that undo each other, as between pointwise-linear and the permutations around the blocks of convnext.
 */
import { sameShape } from "../../ir/dim.ts";
import { any, op } from "../pattern.ts";
import { defineRule } from "../rule.ts";

export const dropReshape = defineRule({
  name: "drop-reshape",
  pattern: op.reshape(any("x")),
  where: ({ root, x }) => sameShape(root.type.shape, x.type.shape) || "the shape becomes another",
  rewrite: ({ x }) => x,
});
