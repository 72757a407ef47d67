/**
 * A transpose that leaves the order of all axes longer than 1 moves no element:
 *
 *     transpose(x, p) = reshape(x)      where the axes with an extent other than 1 keep their order
 *
 * such as the pooled [N, C, 1, 1] on its way to a norm over the last axis. A reshape shares its operand's buffer and
 * merges with reshapes; a transpose is a copy. Of a permutation that changes nothing the reshape goes as well: see
 * drop-reshape.
 */
import { any, op } from "../pattern.ts";
import { defineRule } from "../rule.ts";

export const transposeAsReshape = defineRule({
  name: "transpose-as-reshape",
  pattern: op.transpose(any("x")),
  where: ({ root, x }) => {
    const long = root.attrs.perm.filter((axis) => x.type.shape[axis] !== 1);
    const moved = long.findIndex((axis, i) => axis < (long[i - 1] ?? 0));
    return moved < 0 || `axes ${long[moved - 1]} and ${long[moved]} change their order`;
  },
  rewrite: ({ root, x }, b) => b.reshape(x, { shape: root.type.shape }),
});
