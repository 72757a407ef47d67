import { at } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { count, printType, tensor } from "../type.ts";
import { convAttrs, convConstraints, convMacs, evaluateConv, inferConv } from "./conv.ts";
import { dynamicSteps } from "./dynamic-matmul.ts";

export const dynamic_conv = defineOp({
  name: "dynamic_conv",
  doc:
    "conv(x, weight) scale [O], of x rounded to 256 steps between the least and the greatest of its own numbers and 0 " +
    `(DynamicQuantizeLinear), summed as integers. ${convConstraints} ` +
    "C8: x and scale are f32, the weight i8. C9: one scale per output channel.",
  operands: ["x", "weight", "scale"],
  attrs: convAttrs,
  infer: ({ x, weight, scale }, attrs) => {
    const floats = x.dtype === "f32" && scale.dtype === "f32";
    need(floats && weight.dtype === "i8", "C8", `${x.dtype} with ${weight.dtype}`);
    need(scale.shape.length === 1 && scale.shape[0] === weight.shape[0], "C9", `a scale ${printType(scale)}`);
    return inferConv({ x, weight: tensor(x.dtype, weight.shape), bias: undefined }, attrs);
  },
  evaluate: ({ x, weight, scale }, attrs, result) => {
    const steps = dynamicSteps(x);
    const out = evaluateConv({ x: steps.x, weight, bias: undefined }, attrs, result);
    const plane = count(result.shape.slice(2));
    const channels = result.shape[1] ?? 1;
    for (let i = 0; i < out.data.length; i++)
      out.data[i] = (out.data[i] as number) * steps.scale * at(scale, Math.floor(i / plane) % channels);
    return out;
  },
  macs: ({ x, weight }, attrs, result) => convMacs({ x, weight, bias: undefined }, attrs, result),
});
