/**
 * Only the last shape counts: reshape(reshape(x)) = reshape(x). The inner reshape may have other uses and stays for them.
 * Saves a node; no copy, where the target shares the buffer. A way there and back is then for drop-reshape.
 */
import { any, op, shared } from "../pattern.ts";
import { defineRule } from "../rule.ts";

export const mergeReshapes = defineRule({
  name: "merge-reshapes",
  pattern: op.reshape(shared(op.reshape(any("x")))),
  rewrite: ({ root, x }, b) => b.reshape(x, { shape: root.attrs.shape }),
});
