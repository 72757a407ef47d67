import { ints } from "../attr.ts";
import { emptyLike } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { strides, tensor } from "../type.ts";
import { copyStrided } from "./movement.ts";

export const transpose = defineOp({
  name: "transpose",
  doc: "Axis i of the result is axis perm[i] of x. C1: perm is a permutation of x's axes.",
  operands: ["x"],
  attrs: { perm: ints() },
  infer: ({ x }, { perm }) => {
    const rank = x.shape.length;
    const valid = perm.length === rank && new Set(perm).size === rank && perm.every((p) => p >= 0 && p < rank);
    need(valid, "C1", `[${perm.join(",")}] is not a permutation of ${rank} axes`);
    return tensor(
      x.dtype,
      perm.map((p) => x.shape[p] ?? 0),
    );
  },
  evaluate: ({ x }, { perm }, result) => {
    const own = strides(x.shape);
    return copyStrided(
      x,
      0,
      perm.map((p) => own[p] ?? 0),
      emptyLike(x, result.shape),
    );
  },
});
