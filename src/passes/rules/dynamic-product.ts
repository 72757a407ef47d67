/**
 * Products with weights of eight bits, of an input that is rounded when its range is seen, in every run:
 *
 *     linear(x, W, b) ~ dynamic_matmul(x, round(W^T / s), s) + b
 *
 * with a scale s for each output. No equality: what rounding loses is measured when the model is compiled. Preconditions:
 * f32, the kernel is a weight of at least 2^14 numbers, for less pays no second pass over the input. Convolutions keep
 * float32: ONNX Runtime's ConvInteger takes 2.6 (efficientnet_b0) to 3.7 (resnet50) times as long.
 */
import { isStaticType, count } from "../../ir/type.ts";
import { symmetricScale } from "../precision/weights.ts";
import { any, maybe, op, weight } from "../pattern.ts";
import { defineRule } from "../rule.ts";

const least = 2 ** 14;

export const dynamicProduct = defineRule({
  name: "dynamic-product",
  pattern: op.linear(any("x"), weight("kernel"), maybe(any("bias"))),
  where: ({ x, kernel: { type } }) => {
    if (type.dtype !== "f32") return `the weight is ${type.dtype}`;
    if (x.type.shape.length < 2) return "x is a vector";
    return (isStaticType(type) && count(type.shape) >= least) || `the weight has fewer than ${least} numbers`;
  },
  rewrite: ({ x, kernel, bias }, b) => {
    const turned = b.transpose(kernel, { perm: [1, 0] });
    const scale = symmetricScale(b, turned, 1);
    const product = b.dynamic_matmul(x, b.quantize(turned, scale, undefined, { to: "i8", axis: 1 }), scale);
    return bias === undefined ? product : b.add(product, bias);
  },
});
