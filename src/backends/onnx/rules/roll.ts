/**
 * roll(x, axis, by) = concat(x[extent - by .. extent], x[0 .. extent - by]): the end of the axis, then its beginning. A
 * symbolic extent is taken to exceed the shift, as slice takes it.
 */
import { type Dim, isStatic, subDim } from "../../../ir/dim.ts";
import { any, op } from "../../../passes/pattern.ts";
import { defineRule } from "../../../passes/rule.ts";

export const roll = defineRule({
  name: "onnx-roll",
  pattern: op.roll(any("x")),
  rewrite: ({ root, x }, b) => {
    const { axis, shift } = root.attrs;
    const extent = x.type.shape[axis] ?? 1;
    const by = isStatic(extent) ? ((shift % extent) + extent) % extent : shift;
    if (by === 0) return x;
    const cut: Dim = by > 0 ? subDim(extent, by) : -by;
    return b.concat([b.slice(x, { axis, range: [cut, extent] }), b.slice(x, { axis, range: [0, cut] })], { axis });
  },
});
