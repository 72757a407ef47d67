/**
 * Two transposes are one:
 *
 *     transpose(transpose(x, p), q) = transpose(x, i -> p[q[i]])
 *
 * The inner transpose may have other uses and stays for them: the outer one reads x instead and costs what it did. Saves
 * a copy of the tensor. Where the permutations are inverses (channels to the end and back around a norm) the one that is
 * left moves nothing, and transpose-as-reshape and drop-reshape save the other copy.
 */
import { any, bind, op, shared } from "../pattern.ts";
import { defineRule } from "../rule.ts";

export const mergeTransposes = defineRule({
  name: "merge-transposes",
  pattern: op.transpose(bind("inner", shared(op.transpose(any("x"))))),
  rewrite: ({ root, inner, x }, b) =>
    b.transpose(x, { perm: root.attrs.perm.map((axis) => inner.attrs.perm[axis] ?? axis) }),
});
