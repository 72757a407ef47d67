/**
 * A reshape to the shape that x has is x. Saves a node. Other rules leave them: two reshapes or transposes that undo each
 * other, and a map of one pixel that a network flattens in order to normalise its channels.
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
