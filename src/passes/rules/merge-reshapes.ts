/**
 * Only the last shape counts: reshape(reshape(x)) = reshape(x), and one to the shape that x has is x. The inner reshape
 * may have other uses and stays for them. Saves a node; no copy, where the target shares the buffer.
 */
import { sameShape } from "../../ir/dim.ts";
import { any, op, shared } from "../pattern.ts";
import { defineRule } from "../rule.ts";

export const mergeReshapes = defineRule({
  name: "merge-reshapes",
  pattern: op.reshape(shared(op.reshape(any("x")))),
  rewrite: ({ root, x }, b) =>
    sameShape(root.type.shape, x.type.shape) ? x : b.reshape(x, { shape: root.attrs.shape }),
});
