import { isFloat } from "../dtype.ts";
import { zeros } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { tensor } from "../type.ts";
import { checkGranularity, granularity, granularityConstraints, isQuantized, mapScaled } from "./quantize.ts";

export const dequantize = defineOp({
  name: "dequantize",
  doc:
    "(x - zero_point) scale, of the element type of the scale. " +
    `C1: x is quantised and the scale a float. ${granularityConstraints}`,
  operands: ["x", "scale", "zero_point?"],
  attrs: granularity,
  infer: ({ x, scale, zero_point: zeroPoint }, attrs) => {
    need(isQuantized(x.dtype) && isFloat(scale.dtype), "C1", `a scale of ${scale.dtype} for ${x.dtype}`);
    checkGranularity(x, scale, zeroPoint, x.dtype, attrs);
    return tensor(scale.dtype, x.shape);
  },
  evaluate: (operands, attrs, result) =>
    mapScaled(operands, attrs, zeros(result.dtype, result.shape), (x, scale, zeroPoint) => (x - zeroPoint) * scale),
});
