import { type Dim, addDim, isStatic, printDim, subDim } from "../../ir/dim.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";

/**
 * A dimension as a scalar, for arithmetic on positions: a weight where it is a number; where it is symbolic, the last of
 * the indices 0 to what of it depends on symbols (which is not negative), plus the rest. It runs with the model.
 */
export function extent(s: Scope, dim: Dim, dtype: DType = "i64"): Value {
  if (isStatic(dim)) return s.scalar(dim, dtype);
  return s.shared(`${dtype} ${printDim(dim)}`, () => {
    const open = subDim(dim, dim.constant);
    const indices = s.iota({ axis: 0, dtype, shape: [addDim(open, 1)] });
    const last = s.reshape(s.slice(indices, { axis: 0, range: [open, addDim(open, 1)] }), { shape: [] });
    return dim.constant === 0 ? last : s.add(last, s.scalar(dim.constant, dtype));
  });
}
