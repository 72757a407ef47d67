/**
 * roll(x, axis, by) = concat(x[extent - by .. extent], x[0 .. extent - by]): the end of the axis, then its beginning.
 * A symbolic extent may be shorter than the shift: there roll(x, axis, by)[i] = x[(i - by) mod extent] as it stands.
 */
import type { Builder } from "../../../ir/builder.ts";
import { type Dim, addDim, isStatic } from "../../../ir/dim.ts";
import type { Value } from "../../../ir/value.ts";
import { any, op } from "../../../passes/pattern.ts";
import { defineRule } from "../../../passes/rule.ts";

export const roll = defineRule({
  name: "onnx-roll",
  pattern: op.roll(any("x")),
  rewrite: ({ root, x }, b) => {
    const { axis, shift } = root.attrs;
    const extent = x.type.shape[axis] ?? 1;
    if (!isStatic(extent)) return b.gather(x, rolled(b, extent, shift), { axis });
    const by = ((shift % extent) + extent) % extent;
    if (by === 0) return x;
    const cut = extent - by;
    return b.concat([b.slice(x, { axis, range: [cut, extent] }), b.slice(x, { axis, range: [0, cut] })], { axis });
  },
});

/** (i - by) mod extent for every i, where the last of the indices 0 to extent is the extent. */
function rolled(b: Builder, extent: Dim, by: number): Value {
  const indices = b.iota({ shape: [addDim(extent, 1)] });
  const last = b.slice(indices, { axis: 0, range: [extent, addDim(extent, 1)] });
  const moved = b.sub(b.iota({ shape: [extent] }), b.constant({ values: [by], dtype: "i64" }));
  return b.mod(moved, last);
}
