import { float } from "../attr.ts";
import { at, zeros } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { count, tensor } from "../type.ts";
import { commonDType } from "./elementwise.ts";

export const layer_norm = defineOp({
  name: "layer_norm",
  doc: "(x - mean) / sqrt(var + eps) * weight + bias over the last axis, with the biased variance (Ba et al. 2016). C1: weight and bias are vectors of the last extent. C2: equal element types.",
  operands: ["x", "weight?", "bias?"],
  attrs: { eps: float() },
  infer: ({ x, weight, bias }) => {
    const last = x.shape.at(-1);
    for (const v of [weight, bias])
      need(
        v === undefined || (v.shape.length === 1 && v.shape[0] === last),
        "C1",
        "weight and bias must be vectors of x's last extent",
      );
    return tensor(commonDType([x, weight, bias], "C2"), x.shape);
  },
  evaluate: ({ x, weight, bias }, { eps }, result) => {
    const out = zeros(result.dtype, result.shape);
    const width = x.shape.at(-1) ?? 1;
    for (let from = 0; from < out.data.length; from += width) {
      let mean = 0;
      for (let i = 0; i < width; i++) mean += at(x, from + i) / width;
      let variance = 0;
      for (let i = 0; i < width; i++) variance += (at(x, from + i) - mean) ** 2 / width;
      const scale = 1 / Math.sqrt(variance + eps);
      for (let i = 0; i < width; i++)
        out.data[from + i] = (at(x, from + i) - mean) * scale * (weight ? at(weight, i) : 1) + (bias ? at(bias, i) : 0);
    }
    return out;
  },
  macs: ({ x, weight }) => (weight ? 5 : 4) * count(x.shape),
});
