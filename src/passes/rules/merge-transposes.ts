/**
 * Two transposes are one, and one that changes nothing is none:
 *
 *     transpose(transpose(x, p), q) = transpose(x, i -> p[q[i]])
 *
 * The inner transpose may have other uses and stays for them: the outer one reads x instead and costs what it did. Saves
 * a copy of the tensor, two where the permutations are inverses (channels to the end and back around a norm).
 */
import { any, bind, op, shared } from "../pattern.ts";
import { defineRule } from "../rule.ts";

export const mergeTransposes = defineRule({
  name: "merge-transposes",
  pattern: op.transpose(bind("inner", shared(op.transpose(any("x"))))),
  rewrite: ({ root, inner, x }, b) => {
    const perm = root.attrs.perm.map((axis) => inner.attrs.perm[axis] ?? axis);
    return perm.every((axis, i) => axis === i) ? x : b.transpose(x, { perm });
  },
});
