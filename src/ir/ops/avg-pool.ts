import { bool } from "../attr.ts";
import { defineOp } from "../op.ts";
import { evaluatePool, inferPool, poolAttrs } from "./pool.ts";

export const avg_pool = defineOp({
  name: "avg_pool",
  doc:
    "The mean of each window of x [N, C, *spatial]. The divisor counts the padding only with count_include_pad; the " +
    "overhang of a ceil window beyond input and padding is never counted, as in torch. C1 to C5: as max_pool.",
  operands: ["x"],
  attrs: { ...poolAttrs, count_include_pad: bool(true) },
  infer: ({ x }, a) => inferPool(x, a),
  evaluate: ({ x }, a, result) =>
    evaluatePool(
      x,
      a,
      result,
      (values, padded) => values.reduce((s, v) => s + v, 0) / (a.count_include_pad ? padded : values.length),
    ),
});
